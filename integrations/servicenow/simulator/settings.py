"""How the simulated instance is set up; each part may be changed while it runs."""

from __future__ import annotations

from typing import Literal

import msgspec

Profile = Literal["model_strict", "legacy_type", "permissive_initial_state", "silent_ignore"]
InitialState = Literal["forced", "accepted", "refused"]


class Settings(msgspec.Struct):
    """Durations are seconds. ``approval_delay_s`` None: flows run only when ``run_flows`` is called.

    ``initial_state`` says what becomes of a change that is created in a state other than New;
    ``ignore_conditions_on`` are tables whose queries match everything, ``unwritable_fields`` are kept empty on
    change requests, as by a rule of the customer.
    """

    profile: Profile = "model_strict"
    initial_state: InitialState = "forced"
    approval_delay_s: float | None = 0.02
    latency_s: float = 0.0
    hibernating: bool = False
    cab_group: str = "CAB Approval"
    assess_groups: tuple[str, ...] = ()
    authorize_groups: tuple[str, ...] = ()
    tasks_block_review: bool = False
    invalid_query_returns_no_rows: bool = False
    ignore_conditions_on: tuple[str, ...] = ()
    unwritable_fields: tuple[str, ...] = ()
    client_credentials_enabled: bool = False
    token_life_s: int = 1799
    rate_limit: int | None = None
    rate_window_s: int = 3600

    def initial(self) -> InitialState:
        """The permissive profile takes any first state."""
        return "accepted" if self.profile == "permissive_initial_state" else self.initial_state
