// Tells whoever has a page of an app open when their session has ended, or soon will. One line in the page brings it:
//   <script src="/security/assets/watch.js" defer></script>
// It asks for the state of the session when the page is looked at again, when a call is answered with 401, each minute
// while the page is seen, and shortly before the session ends. None of that uses the session.
(() => {
  "use strict";
  if (window.top !== window || window.portcullisWatch === true) return;
  window.portcullisWatch = true;
  // An element of the page may have any name (`<img name="hidden">`): what is asked of the document is asked of its prototype.
  const ask_document = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name).get.call(document);
  const create = (name) => Document.prototype.createElement.call(document, name);
  const STATE = "/security/api/v1/session-state";
  const EVERY = 60;
  let known; // The user whose page this is.
  let out = false;
  let put_away; // The message that was closed.
  let timer;
  let asking = false;
  let again = false;
  let bar;

  const element = (name, text, style) => {
    const made = create(name);
    made.textContent = text;
    Object.assign(made.style, style);
    return made;
  };
  const button = (text, act) => {
    const made = element("button", text, {
      font: "600 15px/20px system-ui,sans-serif", padding: "12px 16px", minHeight: "44px", borderRadius: "10px", cursor: "pointer",
      border: "1px solid currentColor", background: "transparent", color: "inherit", margin: "0",
    });
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };
  const hide = () => {
    bar?.remove();
    bar = undefined;
  };
  const show = (message, buttons) => {
    if (bar?.message === message) return;
    hide();
    const host = create("div");
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    Object.assign(host.style, {
      all: "initial", position: "fixed", insetInline: "0", insetBlockEnd: "0", zIndex: "2147483647", display: "block",
    });
    const root = host.attachShadow({ mode: "open" });
    const box = element("div", "", {
      display: "flex", flexWrap: "wrap", gap: "12px", alignItems: "center", justifyContent: "center", padding: "12px 16px",
      font: "400 16px/24px system-ui,sans-serif", color: dark ? "#f2c572" : "#6b4300", background: dark ? "#2d2310" : "#fdf0d2",
      borderTop: "1px solid currentColor", boxSizing: "border-box",
    });
    box.setAttribute("role", "alert");
    box.append(element("span", message, { maxWidth: "64ch" }), ...buttons);
    root.append(box);
    ask_document("documentElement").append(host);
    bar = { message, remove: () => host.remove() };
  };

  const signIn = (state) => () => window.open(state.sign_in_url, "_blank", "noopener");
  const stay = async () => {
    const answer = await fetch(`${STATE}/stay`, { method: "POST" }).catch(() => undefined);
    if (answer?.ok) take(await answer.json());
    else ask();
  };
  const take = (state) => {
    const { texts } = state;
    if (state.state === "signed_out") {
      out = true;
      if (put_away !== texts.message) {
        show(texts.message, [button(texts.sign_in, signIn(state)), button(texts.dismiss, () => {
          put_away = texts.message;
          hide();
        })]);
      }
      return;
    }
    // What stands on this page belongs to somebody else.
    if (known && known !== state.user) return location.reload();
    known = state.user;
    out = false;
    put_away = undefined;
    const left = state.seconds_left;
    if (left > state.warn_seconds) return hide();
    show(texts.message, [state.extendable ? button(texts.stay, stay) : button(texts.sign_in, signIn(state))]);
  };
  // Never two at a time; a reason that comes meanwhile asks once more.
  const ask = async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    clearTimeout(timer);
    let next = EVERY;
    try {
      const answer = await fetch(STATE, { cache: "no-store" });
      if (answer.ok) {
        const state = await answer.json();
        take(state);
        if (state.state === "active") {
          const { seconds_left: left, warn_seconds: warn } = state;
          next = left > warn ? Math.min(EVERY, left - warn) : Math.min(15, left + 1);
        } else next = 15;
      }
    } catch {
      // Offline, or Portcullis is restarting: the next time will tell.
    }
    asking = false;
    if (again) {
      again = false;
      return ask();
    }
    // A page that nobody sees asks when it is seen.
    if (!ask_document("hidden")) timer = setTimeout(ask, Math.max(1, next) * 1000);
  };

  EventTarget.prototype.addEventListener.call(document, "visibilitychange", () => (ask_document("hidden") ? clearTimeout(timer) : ask()));
  addEventListener("focus", () => out && ask());
  addEventListener("online", ask);
  addEventListener("pageshow", (event) => event.persisted && ask());
  // What may be a sign that calls are refused is a reason to ask, now and then.
  let silent_until = 0;
  const ask_now_and_then = () => {
    if (out || performance.now() < silent_until) return;
    silent_until = performance.now() + 15000;
    setTimeout(ask, 500);
  };
  // Of calls whose answer the page does not read Chromium tells nothing: most are made when somebody does something.
  for (const deed of ["pointerup", "keydown"]) addEventListener(deed, ask_now_and_then, { capture: true, passive: true });
  try {
    new PerformanceObserver((list) => {
      const own = list.getEntries().filter((entry) => new URL(entry.name).origin === location.origin);
      if (!out && own.some((entry) => entry.responseStatus === 401)) return ask();
      // Of an EventSource it tells neither what it is nor how it was answered.
      if (own.some((entry) => entry.responseStatus === 0 && entry.initiatorType === "other")) ask_now_and_then();
    }).observe({ type: "resource" });
  } catch {
    // A browser that does not tell how calls were answered: each minute will do.
  }
  ask();
})();
