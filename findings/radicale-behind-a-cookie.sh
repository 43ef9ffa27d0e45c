#!/usr/bin/env bash
# Radicale with `auth.type = http_x_remote_user` behind a proxy that knows its visitors by a cookie: the visitor is signed in, each
# request that brings the cookie is served in their name, and Radicale's own web page still shows a form for a name and a
# password. Its script looks for an existing sign-in with a PROPFIND that leaves cookies out (`credentials: "omit"`), gets the
# proxy's 401, and stays at the form. `web.prefer_browser_login = True` lets the look-up bring cookies; the default is False.
#
# Seen with: Radicale 3.9.0 (PyPI), Chromium 156.0.8078.108 (Debian), 2026-11-28. Needs chromium and python3.
# Prints which of its scenes the page shows with either setting; fails when that changes.
set -euo pipefail

command -v chromium >/dev/null || { echo "install chromium first (Debian: apt-get install chromium)" >&2; exit 2; }
chromium --version 2>/dev/null
home=$(mktemp -d)
running=()
end() { for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done; running=(); }
trap 'end; rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check radicale==3.9.0
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A proxy: the first page sets the cookie; what comes without it gets 401; the rest is alice's.
cat >"$home/proxy.py" <<'PY'
import http.client, http.server, sys

class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "signed_in=1" not in (self.headers.get("Cookie") or ""):
            first = self.command == "GET" and self.path == "/"
            self.send_response(302 if first else 401)
            if first:
                self.send_header("Set-Cookie", "signed_in=1; Path=/; SameSite=Lax")
                self.send_header("Location", "/.web/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        app = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("x-remote-user", "connection", "accept-encoding")}
        app.request(self.command, self.path, body, {**kept, "X-Remote-User": "alice"})
        came = app.getresponse()
        data = came.read()
        self.send_response(came.status)
        for name, value in came.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_GET = do_PROPFIND = do_POST = do_REPORT = do_OPTIONS = answer
    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
PY

scene() { # scene LINE-OF-[web]: what the page shows
  local app proxy
  app=$(free_port) proxy=$(free_port)
  printf '[server]\nhosts = 127.0.0.1:%s\n[auth]\ntype = http_x_remote_user\n[storage]\nfilesystem_folder = %s\n[web]\n%s\n' \
    "$app" "$home/collections" "$1" >"$home/config"
  "$home/venv/bin/radicale" --config "$home/config" >"$home/radicale.log" 2>&1 &
  running+=($!)
  python3 "$home/proxy.py" "$proxy" "$app" >"$home/proxy.log" 2>&1 &
  running+=($!)
  for _ in $(seq 100); do
    curl -s -o "$home/none" "http://127.0.0.1:$app/.web/" && curl -s -o "$home/none" "http://127.0.0.1:$proxy/x" && break
    sleep 0.1
  done
  timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$(mktemp -d -p "$home")" --virtual-time-budget=10000 \
    --dump-dom "http://127.0.0.1:$proxy/" 2>/dev/null >"$home/page"
  end
  python3 - "$home/page" <<'PY'
import re, sys
page = open(sys.argv[1]).read()
shown = []
for scene in ("loginscene", "collectionsscene"):
    tag = re.search(r'<[^>]*id="%s"[^>]*>' % scene, page)
    if tag and "hidden" not in tag.group(0):
        shown.append(scene)
print(", ".join(shown) or "nothing")
PY
}

failed=0
expect() { # expect LINE SCENE
  local came
  came=$(scene "$1")
  printf '%-32s shows: %s\n' "${1:-(default)}" "$came"
  [ "$came" = "$2" ] || { echo "expected: $2"; failed=1; }
}
expect "" loginscene
expect "prefer_browser_login = True" collectionsscene
exit $failed
