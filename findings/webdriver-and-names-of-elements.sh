#!/usr/bin/env bash
# WebDriver commands of ChromeDriver on a valid page that has an element of a certain name: `<img name="title">` is enough. HTML makes
# such an element (`img`, `form`, `iframe`, `embed`, `object`) a property of `document`, ahead of the document's own, and ChromeDriver's
# commands read `document.title`, `document.documentElement`, `document.querySelector` and more in the page itself. So
# the answers are wrong without an error: no text, not displayed, a title that is an element; or they are errors of something else: an
# element that was looked up a moment ago is stale, a selector that is valid is not. What the browser shows is right all the time.
# In a page of one's own script the same is avoided by reading through the prototype (`Document.prototype`).
#
# Seen with: Chromium and ChromeDriver 156.0.8078.108 (Debian), selenium 4.51.0 (PyPI), 2026-11-28. Needs chromium, chromium-driver and
# python3. Prints what each name does to what commands answer; fails when that changes.
set -euo pipefail

for need in chromium chromedriver python3; do
  command -v "$need" >/dev/null || { echo "install $need first (Debian: apt-get install chromium chromium-driver python3-venv)" >&2; exit 2; }
done
chromedriver --version
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check selenium==4.51.0
cat >"$home/names.py" <<'PY'
import sys
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.chrome.service import Service

options = webdriver.ChromeOptions()
options.binary_location = sys.argv[2]
for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={sys.argv[1]}/profile"):
    options.add_argument(switch)
browser = webdriver.Chrome(options=options, service=Service(sys.argv[3]))

def answer(command):
    try:
        value = command()
        return value if isinstance(value, (str, bool)) else type(value).__name__
    except WebDriverException as error:
        return error.msg.split("\n")[0].split(":")[0]

for name in ("none", "title", "documentElement", "querySelector", "defaultView", "nodeType"):
    browser.get(f'data:text/html,<!doctype html><title>Inbox</title><p id="p">Hello</p><img name="{name}" alt="">')
    found = lambda: browser.find_element(By.ID, "p")
    shown = browser.execute_script(
        "const get = (name) => Object.getOwnPropertyDescriptor(Document.prototype, name).get.call(document);"
        "return get('title') + '/' + get('body').innerText.trim()")
    print(f"{name}: shown={shown} text={answer(lambda: found().text)} displayed={answer(lambda: found().is_displayed())} "
          f"title={answer(lambda: browser.title)}")
browser.quit()
PY
seen=$("$home/venv/bin/python" "$home/names.py" "$home" "$(command -v chromium)" "$(command -v chromedriver)")
echo "$seen"
diff - <(echo "$seen") <<'SEEN' || { echo "it answers otherwise now"; exit 1; }
none: shown=Inbox/Hello text=Hello displayed=True title=Inbox
title: shown=Inbox/Hello text=Hello displayed=True title=WebElement
documentElement: shown=Inbox/Hello text=stale element reference displayed=stale element reference title=Inbox
querySelector: shown=Inbox/Hello text=invalid selector displayed=invalid selector title=Inbox
defaultView: shown=Inbox/Hello text=javascript error displayed=javascript error title=Inbox
nodeType: shown=Inbox/Hello text= displayed=False title=Inbox
SEEN
