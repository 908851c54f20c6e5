"""librdkafka's mock cluster: real brokers' answers over real sockets, and faults at will.

The wheel of confluent-kafka carries the library; its functions for mocks are reached through ctypes.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int16, c_int32, c_size_t, c_void_p, create_string_buffer
from pathlib import Path
from typing import Any

PRODUCE = 0
REQUEST_TIMED_OUT = 7
NOT_ENOUGH_REPLICAS = 19
TOPIC_AUTHORIZATION_FAILED = 29
RECORDS, ANCHORS = "records", "anchors"
BROKERS = (1, 2, 3)

_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "conf_new": (c_void_p, []),
    "conf_set": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
    "new": (c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
    "destroy": (None, [c_void_p]),
    "handle_mock_cluster": (c_void_p, [c_void_p]),
    "mock_cluster_bootstraps": (c_char_p, [c_void_p]),
    "mock_topic_create": (c_int, [c_void_p, c_char_p, c_int, c_int]),
    "mock_push_request_errors_array": (None, [c_void_p, c_int16, c_size_t, POINTER(c_int)]),
    "mock_broker_set_down": (c_int, [c_void_p, c_int32]),
    "mock_broker_set_up": (c_int, [c_void_p, c_int32]),
    "mock_broker_set_rtt": (c_int, [c_void_p, c_int32, c_int]),
}


class Cluster:
    """Three brokers with both topics; ``address`` is where to find them."""

    def __init__(self) -> None:
        self._library = _load()
        said = create_string_buffer(512)
        settings = self._call("conf_new")
        self._call("conf_set", settings, b"test.mock.num.brokers", str(len(BROKERS)).encode(), said, len(said))
        self._client = self._call("new", 0, settings, said, len(said))
        assert self._client, said.value
        self._mock = self._call("handle_mock_cluster", self._client)
        self.address: str = self._call("mock_cluster_bootstraps", self._mock).decode()
        for topic in (RECORDS, ANCHORS):
            self._call("mock_topic_create", self._mock, topic.encode(), 3, 3)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self.address.split(","))

    def fail(self, *codes: int) -> None:
        """The next requests to produce are answered with these errors, one each."""
        self._call("mock_push_request_errors_array", self._mock, PRODUCE, len(codes), (c_int * len(codes))(*codes))

    def down(self) -> None:
        for broker in BROKERS:
            self._call("mock_broker_set_down", self._mock, broker)

    def up(self) -> None:
        for broker in BROKERS:
            self._call("mock_broker_set_up", self._mock, broker)

    def close(self) -> None:
        self._call("destroy", self._client)

    def _call(self, name: str, *arguments: Any) -> Any:
        return getattr(self._library, f"rd_kafka_{name}")(*arguments)


def _load() -> ctypes.CDLL:
    import confluent_kafka

    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka-*.so*"))))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return library
