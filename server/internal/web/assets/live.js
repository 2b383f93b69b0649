// Brings changes to a page that is open: each event is the whole of the part marked data-live. A page
// works without this; it then shows how things stood when it was loaded.
"use strict";
const part = document.querySelector("[data-live]");
const note = document.getElementById("direkte");

if (part && note && window.EventSource) {
  const stream = new EventSource(part.dataset.live);
  const say = (on) => {
    note.hidden = false;
    note.dataset.state = on ? "on" : "off";
    note.textContent = on ? note.dataset.connected : note.dataset.lost;
  };
  stream.onopen = () => say(true);
  stream.onmessage = (event) => replace(event.data);
  stream.onerror = () => {
    say(false);
    if (stream.readyState === EventSource.CLOSED) {
      // The server refused: the session has ended, or all places are taken. Look again in a while.
      setTimeout(() => location.reload(), 30000);
    }
  };
}

// replace puts in new markup, made and escaped by the server, and leaves the keyboard where it was.
function replace(markup) {
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const spot = focused ? [...part.querySelectorAll("a")].filter((a) => a.getAttribute("href") === focused).indexOf(document.activeElement) : -1;
  part.innerHTML = markup;
  if (spot >= 0) {
    const again = [...part.querySelectorAll("a")].filter((a) => a.getAttribute("href") === focused);
    (again[spot] || again[0])?.focus({ preventScroll: true });
  }
}
