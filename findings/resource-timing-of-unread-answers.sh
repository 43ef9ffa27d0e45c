#!/usr/bin/env bash
# A script that learns from Resource Timing (`PerformanceObserver`, `responseStatus`) when calls of a page are refused, in Chromium. Two
# kinds of calls tell it nothing. A `fetch` of which the page looks at the status and not at the body has no entry at all where the
# answer is `Cache-Control: no-store` (it has one, at once, where the answer may be kept, also if it is large): most code throws at
# `!answer.ok`, and most 401 are `no-store`. It comes when the body is read later. And an `EventSource` that is
# refused has an entry with `responseStatus` 0 and `initiatorType` "other", as a call that never reached the server has.
#
# Seen with: Chromium and ChromeDriver 156.0.8078.108 (Debian), selenium 4.51.0 (PyPI), 2026-11-28. Needs chromium, chromium-driver and
# python3. Prints the entries that each call leaves within three seconds; fails when that changes.
set -euo pipefail

for need in chromium chromedriver python3; do
  command -v "$need" >/dev/null || { echo "install $need first (Debian: apt-get install chromium chromium-driver python3-venv)" >&2; exit 2; }
done
chromedriver --version
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check selenium==4.51.0
cat >"$home/entries.py" <<'PY'
import http.server, sys, threading, time
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PAGE = b"""<!doctype html><title>calls</title><script>
window.entries = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) entries.push(`${entry.responseStatus} ${entry.initiatorType}`);
}).observe({ type: "resource" });
</script>"""

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = self.path == "/"
        body = PAGE if page else b"x" * (200_000 if "large" in self.path else 20)
        self.send_response(200 if page else 401)
        self.send_header("Content-Type", "text/html" if page else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        if "no-store" in self.path:
            self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
options = webdriver.ChromeOptions()
options.binary_location = sys.argv[2]
for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={sys.argv[1]}/profile"):
    options.add_argument(switch)
browser = webdriver.Chrome(options=options, service=Service(sys.argv[3]))

def told(call, later=None):
    browser.get(f"http://127.0.0.1:{server.server_port}/")
    time.sleep(0.5)
    browser.execute_script("entries.length = 0; " + call)
    time.sleep(3)
    if later:
        browser.execute_script(later)
        time.sleep(1)
    return ", ".join(browser.execute_script("return entries")) or "nothing"

for name, *call in (
    ("fetch, body read, no-store", "fetch('/no-store').then((it) => it.text())"),
    ("fetch, body not read", "fetch('/any').then((it) => it.status)"),
    ("fetch, body not read, large", "fetch('/large').then((it) => it.status)"),
    ("fetch, body not read, no-store", "fetch('/no-store').then((it) => { window.kept = it; })"),
    ("the same, read three seconds later", "fetch('/no-store').then((it) => { window.kept = it; })", "kept.text()"),
    ("XMLHttpRequest, no-store", "const it = new XMLHttpRequest(); it.open('GET', '/no-store'); it.send()"),
    ("EventSource", "window.kept = new EventSource('/any')"),
):
    print(f"{name}: {told(*call)}")
browser.quit()
PY
seen=$("$home/venv/bin/python" "$home/entries.py" "$home" "$(command -v chromium)" "$(command -v chromedriver)")
echo "$seen"
diff - <(echo "$seen") <<'SEEN' || { echo "it tells otherwise now"; exit 1; }
fetch, body read, no-store: 401 fetch
fetch, body not read: 401 fetch
fetch, body not read, large: 401 fetch
fetch, body not read, no-store: nothing
the same, read three seconds later: 401 fetch
XMLHttpRequest, no-store: 401 xmlhttprequest
EventSource: 0 other
SEEN
