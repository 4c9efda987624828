"""The first page in a real Chromium, before the real program and a simulated plant."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from config.messages import LANGUAGES, messages

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="THE FIRST PAGE IS NOT TESTED: chromium is missing, apt-get install chromium",
    ),
]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
START_S = 60
SEEN_MS = 20_000
"""generous bounds of liveness for a loaded machine; what is awaited comes in a second or two"""
EN = messages("en")

HOSTILE_SITE = "<img src=x onerror=alert(1)>"
HOSTILE_DEVICE = "</article><script>alert(2)</script>"
HOSTILE_PLANT = "</script></title><script>alert(3)</script>`${alert(4)}`"
DESCRIPTION = """
plant: {{id: shown, name: {plant}, time_zone: Africa/Algiers, production_day: [{{start: "{begin}"}}]}}
server: {{auth: "off"}}
sites:
  - {{id: works, name: {site}, type: desalination_plant}}
  - {{id: tank, name: {{en: The tank, fr: La cuve, ar: الخزان}}, type: reservoir}}
devices:
  - id: plc
    name: {device}
    site: works
    protocol: modbus
    host: 127.0.0.1
    port: {works_port}
    tags:
      - {{id: works.flow, kind: flow, unit: m3/h, address: 0}}
      - {{id: works.total, kind: totalizer, unit: m3, address: 2, data: uint32}}
  - id: tank-rtu
    site: tank
    protocol: modbus
    host: 127.0.0.1
    port: {tank_port}
    tags:
      - {{id: tank.level, kind: level, unit: m, address: 0, range: [0, 10]}}
meters:
  - {{id: works.product, site: works, measures: produced, totalizer: works.total, flow: works.flow,
     maximum_flow: 2000 m3/h}}
reservoirs:
  - id: tank
    compartments: [{{id: tank.1, level: tank.level, area: 2000, height: 8 m}}]
capacities:
  - {{site: works, kind: target, volume: 24 000 m3/d, valid_from: 2022-03-01}}
  - {{site: works, kind: design, volume: 30 000 m3/d, valid_from: 2022-03-01}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def foggara(folder, *arguments):
    """The program as a process, ended by the end of its standard input or by a signal."""
    with (folder / f"{arguments[0]}.log").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "foggara", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, cwd=folder,
        )  # fmt: skip


@contextmanager
def ending(process):
    """Ended with the block, however it ends."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


class Running:
    """``foggara run`` on a port of its own, to be killed and started again."""

    def __init__(self, config, folder):
        self._config, self._folder = config, folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.data = folder / "data"

    def start(self):
        self.process = foggara(
            self._folder, "run", "--config", self._config, "--port", self._port,
            "--data", self.data,
        )  # fmt: skip
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            assert self.process.poll() is None, (self._folder / "run.log").read_text()
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # not yet listening
            time.sleep(0.1)
        raise AssertionError((self._folder / "run.log").read_text())

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=10)

    def get(self, path):
        return httpx.get(f"{self.url}/api/v1{path}", timeout=10).json()


@contextmanager
def running(config, folder):
    one = Running(config, folder)
    one.start()
    try:
        yield one
    finally:
        with ending(one.process):
            pass


class Faults:
    """Orders faults of the simulated devices; whatever is on at the end of a test is ended."""

    def __init__(self, url):
        self._url = url

    def order(self, **fault):
        httpx.post(f"{self._url}/faults", json=fault, timeout=10).raise_for_status()

    def end(self):
        for fault in httpx.get(f"{self._url}/faults", timeout=10).json():
            httpx.delete(f"{self._url}/faults/{fault['id']}", timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def simulator(folder):
    """The plant's description, and the control of its simulated devices."""
    begin = time.strftime("%H:00", time.gmtime(time.time() - 6 * 3600))  # no day ends in a test
    names = {"plant": HOSTILE_PLANT, "site": HOSTILE_SITE, "device": HOSTILE_DEVICE}
    config = folder / "plant.yaml"
    config.write_text(
        DESCRIPTION.format(
            **{key: json.dumps(name) for key, name in names.items()},
            begin=begin, works_port=free_port(), tank_port=free_port(),
        ),
        encoding="utf-8",
    )  # fmt: skip
    with ending(foggara(folder, "simulate", "--config", config)) as process:
        said = process.stdout.readline()
        assert said, (folder / "simulate.log").read_text()
        yield config, Faults(json.loads(said)["control"])


@pytest.fixture
def faults(simulator):
    yield simulator[1]
    simulator[1].end()


@pytest.fixture(scope="module")
def house(simulator, folder):
    with running(simulator[0], folder) as one:
        yield one


@pytest.fixture(scope="module")
def guarded(folder):
    """The smallest plant with keys wanted; its device answers to nobody."""
    own = folder / "guarded"
    own.mkdir()
    minimal = (Path(__file__).parents[2] / "config" / "minimal.yaml").read_text(encoding="utf-8")
    config = own / "minimal.yaml"
    config.write_text(
        minimal.replace("auth: off", "auth: keys").replace("15020", str(free_port())),
        encoding="utf-8",
    )
    with running(config, own) as one:
        yield one


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


class Complaints(list):
    """What the browser said against the page, and whatever it asked of others."""

    def watch(self, page, base):
        own = urlsplit(base).netloc

        def request(made):
            url = urlsplit(made.url)
            if url.scheme not in ("data", "blob") and url.netloc != own:
                self.append(f"asked another host: {made.url}")

        def said(message):
            if message.type in ("error", "warning"):
                self.append(message.text)

        def dialog(opened):
            self.append(f"a dialog: {opened.message}")
            opened.dismiss()

        page.on("request", request)
        page.on("websocket", lambda opened: request(opened) if own not in opened.url else None)
        page.on("console", said)
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on("dialog", dialog)


@pytest.fixture
def visit(browser):
    """``visit(house, language, **context)``: a page of a viewer of its own, watched to the end."""
    complaints = Complaints()
    with ExitStack() as stack:

        def open_page(house, language="en", **options):
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.complaints = complaints
            complaints.watch(page, house.url)
            page.goto(f"{house.url}/?lang={language}")
            return page

        yield open_page
    assert complaints == []


def live(page):
    expect(page.locator("body[data-connection=live]")).to_be_attached(timeout=SEEN_MS)
    return page


def card(page, box, one):
    return page.locator(f"#{box} [data-id='{one}']")


def eventually(what, seconds=SEEN_MS / 1000):
    """Ask until it is true; what it said at last, where it never was."""
    ends = time.monotonic() + seconds
    while True:
        told = what()
        if told is True:
            return
        assert time.monotonic() < ends, told
        time.sleep(0.1)


def figures(text):
    """With plain spaces, whatever the language puts between figures."""
    return " ".join(text.split())


def english(value, unit, digits=0):
    return "–" if value is None else f"{value:,.{digits}f} {unit}"


def test_production_shows_what_the_api_says(house, visit):
    page = live(visit(house))

    def same():
        (row,) = house.get("/production/now")
        shown = figures(card(page, "production", "works").inner_text())
        wanted = (
            english(row["flow_m3_per_h"], "m³/h"),
            f"today {english(row['today_m3'], 'm³')}",
            "target 24,000 m³/day",
            f"projected at day's end {english(row['projected_today_m3'], 'm³')}",
        )
        known = row["flow_m3_per_h"] is not None
        return (known and all(text in shown for text in wanted)) or (wanted, shown)

    eventually(same)


def test_reservoirs_and_devices_show_what_the_api_says(house, visit):
    page = live(visit(house))

    def same():
        (row,) = house.get("/reservoirs")
        shown = figures(card(page, "reservoirs", "tank").inner_text())
        wanted = (
            "The tank",
            english(row["level_m"], "m", 2),
            f"{row['fill'] * 100:.1f}%",
            f"{row['volume_m3']:,.0f} / {row['capacity_m3']:,.0f} m³",
        )
        return all(text in shown for text in wanted) or (wanted, shown)

    eventually(same)
    for device in house.get("/devices"):
        assert device["state"] == "online"
        expect(card(page, "devices", device["id"])).to_contain_text("online")
    expect(page.locator("#devices-count")).to_have_text("2 / 2 online")


def test_a_value_changed_at_the_device_arrives_without_a_reload(house, visit, faults):
    page = live(visit(house))
    page.evaluate("window.stillThisPage = true")
    before = house.get("/reservoirs")[0]["level_m"]
    faults.order(device="tank-rtu", fault="spike", tag="tank.level", parameters={"factor": 0.5})

    def halved():
        shown = card(page, "reservoirs", "tank").locator(".pair .figure").nth(1).inner_text()
        return abs(float(shown.split()[0]) - before / 2) < 0.1 or (before, shown)

    eventually(halved)
    assert page.evaluate("window.stillThisPage") is True


def test_a_lost_device_is_said_in_words_and_its_figures_are_unknown(house, visit, faults):
    page = live(visit(house))
    faults.order(device="tank-rtu", fault="kill")
    expect(card(page, "devices", "tank-rtu")).to_contain_text("■ offline", timeout=SEEN_MS)
    tank = card(page, "reservoirs", "tank")
    expect(tank).to_contain_text(f"■ {EN['bad']}", timeout=SEEN_MS)
    assert figures(tank.locator(".pair").inner_text()).split() == ["–", "–", "m"]
    expect(tank.locator(".bar.unknown")).to_be_visible()
    faults.end()
    expect(card(page, "devices", "tank-rtu")).to_contain_text("online", timeout=SEEN_MS)
    expect(tank.locator(".bar.unknown")).to_have_count(0, timeout=SEEN_MS)


def test_the_curve_stands_against_its_pace_and_grows(house, visit):
    page = live(visit(house))
    script = """() => {
      const { chart } = JSON.parse(document.getElementById("settings").textContent);
      return window.getElement(chart).chart.getOption().series?.map((one) => one.data) ?? [];
    }"""

    def drawn():
        series = page.evaluate(script)
        return (len(series) == 2 and len(series[0]) > 0) or series

    eventually(drawn)
    curve, pace = page.evaluate(script)
    assert [volume for _, volume in pace] == [0, 24_000]
    assert pace[1][0] - pace[0][0] == 24 * 3_600_000
    assert pace[0][0] <= curve[-1][0] <= pace[1][0]

    def grown():
        later = page.evaluate(script)[0]
        return (later[-1][0] > curve[-1][0] and later[-1][1] is not None) or later[-1]

    eventually(grown, 10)  # from the stream: the curve itself is asked for once a minute


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_on_a_wide_screen_and_a_phone(house, visit, language):
    texts = messages(language)
    page = live(visit(house, language, viewport={"width": 390, "height": 844}))
    html = page.locator("html")
    expect(html).to_have_attribute("lang", language)
    expect(html).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    expect(page.locator("#production-title")).to_have_text(texts["production"])
    tank = {"en": "The tank", "fr": "La cuve", "ar": "الخزان"}[language]
    expect(card(page, "reservoirs", "tank").locator("h3")).to_have_text(tank)
    expect(page.locator("#connection")).to_have_text(texts["connected"])
    for width in (390, 1920):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_names_from_the_description_are_text(house, visit):
    page = live(visit(house))
    expect(card(page, "production", "works").locator("h3")).to_have_text(HOSTILE_SITE)
    expect(card(page, "devices", "plc").locator("h3")).to_have_text(HOSTILE_DEVICE)
    expect(page.locator("header h1")).to_contain_text(HOSTILE_PLANT)
    expect(page.locator(".today h2")).to_contain_text(HOSTILE_SITE)
    assert HOSTILE_PLANT in page.title()
    assert page.locator("img[src=x]").count() == 0


def test_keys_are_asked_for_and_the_smallest_plant_is_shown(guarded, visit):
    page = visit(guarded, "fr")
    texts = messages("fr")
    expect(page).to_have_url(f"{guarded.url}/sign-in?lang=fr")
    page.fill("input[name=key]", "fgr_wrong")
    page.click("button")
    expect(page.locator("[role=alert]")).to_contain_text(texts["wrong_key"])
    assert page.context.cookies() == []

    made = subprocess.run(
        [sys.executable, "-m", "foggara", "key", "add", "screen", "--data", guarded.data],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    secret = next(word for word in made.stdout.split() if word.startswith("fgr_"))
    page.fill("input[name=key]", secret)
    page.click("button")
    live(page)
    expect(page).to_have_url(f"{guarded.url}/?lang=fr")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    assert secret not in page.content()

    outlet = card(page, "production", "outlet")
    expect(outlet).to_contain_text(texts["no_target"])
    assert figures(outlet.locator(".big").inner_text()) == "– m³/h"
    assert figures(card(page, "reservoirs", "tank").locator(".pair").inner_text()).split()[0] == "–"
    expect(card(page, "devices", "plc")).to_contain_text(f"■ {texts['offline']}", timeout=SEEN_MS)


def test_sign_in_takes_no_oversized_form(guarded):
    answer = httpx.post(f"{guarded.url}/sign-in", content=b"key=" + b"x" * 100_000, timeout=10)
    assert (answer.status_code, answer.headers["location"].endswith("wrong=1")) == (303, True)
    assert "set-cookie" not in answer.headers


def test_a_lost_server_is_unmistakable_and_its_return_is_seen(house, visit):
    page = live(visit(house))
    assert page.complaints == []
    house.kill()
    banner = page.locator("#connection")
    expect(banner).to_contain_text("■ CONNECTION LOST", timeout=SEEN_MS)
    box = banner.bounding_box()
    assert box["y"] == 0
    assert box["width"] == page.viewport_size["width"]
    house.start()
    live(page)
    expect(banner).to_have_text(EN["connected"], timeout=SEEN_MS)
    expect(card(page, "devices", "plc")).to_contain_text("online", timeout=SEEN_MS)
    # the browser itself writes down each attempt at the server that was gone, and nothing else
    assert all("net::ERR_" in one for one in page.complaints)
    page.complaints.clear()
