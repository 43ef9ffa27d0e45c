// Makes the pages handier; each of them works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Times in the visitor's own zone. The page's language is kept, with the visitor's own habits where they share it.
  const lang = document.documentElement.lang;
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) || lang;
  const formats = {
    full: new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" }),
    time: new Intl.DateTimeFormat(locale, { timeStyle: "short" }),
  };
  const localTimes = (root) => {
    for (const time of all("time[datetime]", root)) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      const shown = time.dataset.local;
      if (shown) {
        time.title = time.textContent;
        time.textContent = formats[shown].format(at);
      } else {
        time.title = formats.full.format(at);
      }
    }
  };

  // What Back takes from memory may be over: look again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // Show and hide what is typed.
  const reveals = (root) => {
    for (const button of all("button.reveal", root)) {
      const input = document.getElementById(button.getAttribute("aria-controls"));
      if (!input) continue;
      button.hidden = false;
      const show = (shown) => {
        input.type = shown ? "text" : "password";
        button.setAttribute("aria-pressed", String(shown));
      };
      button.addEventListener("click", () => show(input.type === "password"));
      // A password manager, and the browser's own memory, must see a password again.
      input.form?.addEventListener("submit", () => show(false));
    }
  };

  // A link of a summary leads to its field without writing itself into the address: what stands behind the # there is the
  // app's, and comes along when the form is sent.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".summary a");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.focus();
  });

  // A form is sent once. Pressed again after a while it is sent again, and acts once all the same.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 3000);
  });

  // A menu closes when one looks elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A link to a confirmation opens that page's form in a dialog. Whatever goes wrong, the link is simply followed.
  const ask = async (href) => {
    const answer = await fetch(href, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const question = page.querySelector("[data-confirm]");
    if (!question) throw new Error("no question");
    const heading = page.createElement("h2");
    const first = question.querySelector("h1");
    heading.id = first.id;
    heading.textContent = first.textContent;
    first.replaceWith(heading);

    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.append(document.importNode(question, true));
    dialog.querySelector("[data-cancel]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => dialog.remove());
    localTimes(dialog);
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("[data-cancel]").focus({ preventScroll: true });
    dialog.scrollTop = 0;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-dialog]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (typeof HTMLDialogElement !== "function") return;
    event.preventDefault();
    ask(link.href).catch(() => location.assign(link.href));
  });

  // An installed app says so when one signs in: its window has no address bar.
  const client = document.querySelector("[data-client]");
  const modes = ["standalone", "minimal-ui", "window-controls-overlay"];
  const installed = () => navigator.standalone || modes.some((mode) => matchMedia(`(display-mode: ${mode})`).matches);
  if (client && installed()) client.value = "app";

  // The list of sessions shows what happens elsewhere. Whatever goes wrong, the page stays as it is.
  const live = document.querySelector("[data-live]");
  const links = () => all("h2 a", live).map((link) => link.getAttribute("href"));
  let source;
  const update = (event) => {
    if (document.querySelector("dialog[open]")) return;
    const page = new DOMParser().parseFromString(event.data, "text/html").querySelector("[data-live]");
    if (!page) return;
    const before = links();
    const count = live.querySelector("[data-count]").textContent;
    const focused = live.contains(document.activeElement) && document.activeElement.getAttribute("href");
    live.replaceChildren(...document.importNode(page, true).childNodes);
    localTimes(live);
    for (const row of all(".row", live)) row.classList.toggle("fresh", !before.includes(row.querySelector("h2 a").getAttribute("href")));
    const now = live.querySelector("[data-count]").textContent;
    if (now !== count) document.getElementById("live-status").textContent = now;
    if (focused) all("a", live).find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  };
  const listen = () => {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(live.dataset.live);
    source.addEventListener("sessions", update);
    source.onerror = async () => {
      if (source.readyState !== EventSource.CLOSED) return;
      const state = await fetch("/security/api/v1/session-state").then((answer) => answer.json()).catch(() => ({}));
      if (state.state === "signed_out") location.reload();
      else setTimeout(listen, 10000);
    };
  };
  if (live && typeof EventSource === "function") {
    document.addEventListener("visibilitychange", listen);
    listen();
  }

  localTimes(document);
  reveals(document);
  document.querySelector("[data-focus]")?.focus();
})();
