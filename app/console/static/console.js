// Makes pasting easier. Every page works without it.
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  function select(element) {
    var range = document.createRange();
    range.selectNodeContents(element);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  function tell(button, text) {
    var before = button.dataset.label || button.textContent;
    button.dataset.label = before;
    button.textContent = text;
    window.setTimeout(function () { button.textContent = before; }, 2000);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-copy]");
    if (!button) { return; }
    var source = document.getElementById(button.dataset.copy);
    var text = source.textContent;
    // Without a secure context there is no clipboard; the line is then selected, ready for Ctrl-C.
    if (!navigator.clipboard) { select(source); tell(button, "Selected"); return; }
    navigator.clipboard.writeText(text).then(
      function () { tell(button, "Copied"); },
      function () { select(source); tell(button, "Selected"); }
    );
  });
})();
