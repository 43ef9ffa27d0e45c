#!/usr/bin/env bash
# A cookie file that curl writes for a cookie without an expiry (one that "dies with the browser") is good for git and is
# left out by Mercurial, without a word: curl writes the time 0, and Mercurial loads the file with Python's
# MozillaCookieJar.load(), whose default drops what has expired, and 0 is 1970. The same cookie with Max-Age is sent.
#
# Seen with: Mercurial 7.2.4 (PyPI), curl 7.88.1, Python 3.11, 2026-11-28.
# Prints what each cookie was good for; fails when Mercurial's behaviour changes.
set -euo pipefail

home=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check mercurial==7.2.4
hg="$home/venv/bin/hg"
"$hg" --version --quiet
curl --version | head -1

# A server that sets either cookie, and says which of them comes back.
cat >"$home/server.py" <<'PY'
import http.server, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in ("/session", "/kept"):
            self.send_response(204)
            self.send_header("Set-Cookie", self.path[1:] + "=1" + ("; Max-Age=600" if self.path == "/kept" else ""))
            self.end_headers()
            return
        with open(sys.argv[1], "a") as seen:
            seen.write((self.headers.get("Cookie") or "none") + "\n")
        self.send_error(404)
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 "$home/server.py" "$home/seen" >"$home/port" &
server=$!
for _ in $(seq 50); do [ -s "$home/port" ] && break; sleep 0.1; done
at="http://127.0.0.1:$(cat "$home/port")"

sent() { # sent PROGRAM KIND: what the server was sent
  : >"$home/seen"
  curl -sS -o "$home/none" -c "$home/jar" "$at/$2"
  case $1 in
    hg) "$hg" --config auth.cookiefile="$home/jar" identify "$at/repo" >"$home/none" 2>&1 || true ;;
    git) git -c http.cookieFile="$home/jar" ls-remote "$at/repo" >"$home/none" 2>&1 || true ;;
  esac
  head -1 "$home/seen"
}

failed=0
expect() { # expect PROGRAM KIND WHAT
  local came
  came=$(sent "$1" "$2")
  printf '%-3s  cookie %-7s  sent: %s\n' "$1" "$2" "$came"
  [ "$came" = "$3" ] || { echo "     expected: $3"; failed=1; }
}
expect git session session=1
expect git kept kept=1
expect hg kept kept=1
expect hg session none
exit $failed
