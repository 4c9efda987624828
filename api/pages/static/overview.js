// Follows /api/v1/live and writes what it says into the page. No build step, no framework.
const settings = JSON.parse(document.getElementById("settings").textContent);
const { texts } = settings;
const locale = { fr: "fr-DZ", ar: "ar-DZ-u-nu-latn", en: "en-GB" }[settings.language];
const SILENCE_MS = Math.max(5000, 3000 * settings.live_tick_s);
const STOPPED_MS = 3 * SILENCE_MS; // the stream lives, the figures in it do not move
const CURVE_MS = 60000;

const shown = (shape) => {
  const format = new Intl.NumberFormat(locale, shape);
  return (value) => (value === null || value === undefined ? "–" : format.format(value));
};
const digits = (count) => shown({ minimumFractionDigits: count, maximumFractionDigits: count });
const whole = digits(0), tenth = digits(1), hundredth = digits(2);
const ratio = { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 };
const percent = shown(ratio);
// what is not whole must not read 100 %
const coverage = shown({ style: "percent", maximumFractionDigits: 1, roundingMode: "floor" });
const moment = (shape) =>
  new Intl.DateTimeFormat(locale, { hourCycle: "h23", timeZone: settings.time_zone, ...shape });
const clock = moment({ dateStyle: "short", timeStyle: "medium" });
const hour = moment({ hour: "2-digit", minute: "2-digit" });

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}
// numbers run left to right in every language; the unit follows in the direction of the page
const figure = (value, unit) => element("span", { class: "figure" },
  element("bdi", { dir: "ltr" }, value), ...(unit ? [` ${unit}`] : []));
const line = (...parts) => element("small", {}, ...parts);

const signs = { good: "", uncertain: "▲", bad: "■" };
function mark(quality, reason) {
  if (quality === "good") return null;
  const why = reason ? ` (${texts[`reason_${reason}`] ?? reason})` : "";
  return element("span", { class: "mark" }, `${signs[quality]} ${texts[quality]}${why}`);
}

// pace: where the day stands, as a part of it
function bar(part, pace) {
  const unknown = part === null || part === undefined;
  const made = element("div", { class: unknown ? "bar unknown" : "bar", role: "img", "aria-label": percent(part) });
  if (!unknown) {
    made.append(element("i", { style: `width:${Math.max(0, Math.min(1, part)) * 100}%` }));
  }
  if (pace !== null) {
    made.append(element("b", { style: `inset-inline-start:${Math.max(0, Math.min(1, pace)) * 100}%` }));
  }
  return made;
}

// only what changed is replaced, so that a text may be selected and a title read
function place(name, cards) {
  const box = document.getElementById(name);
  cards.forEach((card, i) => {
    const old = box.children[i];
    if (!old) box.append(card);
    else if (!old.isEqualNode(card)) old.replaceWith(card);
  });
  while (box.children.length > cards.length) box.lastChild.remove();
}
const card = (id, kind, ...children) =>
  element("article", { class: `card ${kind}`, "data-id": id }, ...children);
const name = (names, id) => element("h3", {}, element("bdi", {}, names[id] ?? id));

let day = null;
const dayPart = (asOf) => day === null ? null
  : (Date.parse(asOf) - Date.parse(day.begin)) / (Date.parse(day.end) - Date.parse(day.begin));

function producer(row) {
  const target = row.target_m3_per_day, ahead = row.projected_attainment;
  const done = row.today_m3 === null || target === null ? null : row.today_m3 / target;
  return card(row.site, row.quality,
    name(settings.sites, row.site),
    element("span", { class: "big" }, figure(whole(row.flow_m3_per_h), texts.m3_per_h)),
    element("span", {}, `${texts.today} `, figure(whole(row.today_m3), texts.m3)),
    target === null ? line(texts.no_target) : bar(done, dayPart(row.as_of)),
    target === null ? null : line(`${texts.target} `, figure(whole(target), texts.m3_per_day)),
    line(`${texts.projected} `, figure(whole(row.projected_today_m3), texts.m3)),
    ahead === null ? null : line(
      element("span", { class: ahead < 1 ? "short" : "" },
        ahead < 1 ? `▼ ${texts.below_target} ` : `${texts.projected_attainment} `, figure(percent(ahead)))),
    line(`${texts.coverage} `, figure(coverage(row.coverage))),
    mark(row.quality, row.reason));
}

function reservoir(row) {
  const net = row.net_flow_m3_per_h;
  const moving = net === null ? texts.net_flow : net >= 0 ? `↑ ${texts.filling}` : `↓ ${texts.emptying}`;
  const [until, hours] = row.hours_to_empty !== null ? [texts.hours_to_empty, row.hours_to_empty]
    : [texts.hours_to_full, row.hours_to_full];
  return card(row.id, row.in_service ? row.quality : "out",
    name(settings.sites, row.id),
    bar(row.fill, null),
    element("span", { class: "pair" }, figure(percent(row.fill)), figure(hundredth(row.level_m), texts.metres)),
    line(figure(`${whole(row.volume_m3)} / ${whole(row.capacity_m3)}`, texts.m3)),
    line(`${moving} `, figure(whole(net === null ? null : Math.abs(net)), texts.m3_per_h)),
    hours !== null && hours < 1000 ? line(`${until} `, figure(tenth(hours), texts.hours)) : null,
    row.in_service ? mark(row.quality, row.reason)
      : element("span", { class: "mark" }, `○ ${texts.out_of_service}`));
}

const devices = new Map();
const kinds = { online: "good", degraded: "uncertain", offline: "bad" };
function device(row) {
  const kind = kinds[row.state];
  const made = card(row.id, kind, name(settings.devices, row.id), kind === "good" ? line(texts.online)
    : element("span", { class: "mark" }, `${signs[kind]} ${texts[row.state]}`));
  if (row.last_error && kind !== "good") made.title = row.last_error;
  return made;
}
function drawDevices() {
  const rows = [...devices.values()];
  place("devices", rows.map(device));
  const online = rows.filter((row) => row.state === "online").length;
  const all = online === rows.length;
  const count = document.getElementById("devices-count");
  count.className = all ? "" : "short"; // the ones that are not may be below the screen's end
  count.textContent = `${all ? "" : "▲ "}${whole(online)} / ${whole(rows.length)} ${texts.online}`;
}

// ---- today's curve -----------------------------------------------------------------------------
let points = [], asked = 0;
const chart = () => window.getElement?.(settings.chart)?.chart;
const colour = (of) => getComputedStyle(document.documentElement).getPropertyValue(of).trim();

function drawCurve() {
  if (day === null || !chart()) return;
  const [begin, end] = [Date.parse(day.begin), Date.parse(day.end)];
  const [ink, soft, grid, water] = ["--ink", "--soft", "--line", "--curve"].map(colour);
  const step = (document.getElementById("curve").clientWidth < 600 ? 6 : 3) * 3600000;
  const text = { color: soft, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 };
  const series = [{ name: texts.accumulated, data: points, lineStyle: { color: water, width: 3 }, itemStyle: { color: water } }];
  if (day.target_m3 !== null) {
    series.push({ name: texts.pace, data: [[begin, 0], [end, day.target_m3]],
      lineStyle: { color: soft, type: "dashed", width: 2 }, itemStyle: { color: soft } });
  }
  chart().setOption({
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 28, top: 44, bottom: 8, containLabel: true },
    legend: { top: 4, left: 8, itemWidth: 36, textStyle: { ...text, color: ink } },
    tooltip: {
      trigger: "axis",
      valueFormatter: (value) => `${whole(value ?? null)} ${texts.m3}`,
      axisPointer: { label: { formatter: ({ value }) => hour.format(value) } },
    },
    // time runs left to right in every language, in the plant's zone
    xAxis: { type: "value", min: begin, max: end, interval: step, splitLine: { show: false },
      axisLine: { lineStyle: { color: soft } },
      axisLabel: { ...text, formatter: (value) => hour.format(value) } },
    yAxis: { type: "value", min: 0,
      splitLine: { lineStyle: { color: grid } },
      axisLabel: { ...text, formatter: (value) => whole(value) } },
    series: series.map((one) => ({ type: "line", symbol: "none", ...one, name: `${one.name} (${texts.m3})` })),
  });
}

async function fetchCurve() {
  asked = Date.now();
  let answer;
  try {
    answer = await fetch(`/api/v1/production/curve?site=${encodeURIComponent(settings.site)}`);
    if (!answer.ok) return;
    day = await answer.json();
  } catch (error) {
    if (error instanceof TypeError) return; // no network: the banner says so already
    throw error;
  }
  points = day.points.map((point) => [Date.parse(point.time), point.volume_m3]);
  drawCurve();
}

// between two fetches the live figures carry the curve on
function grow(rows) {
  const row = rows.find((one) => one.site === settings.site);
  if (!row) return;
  const now = Date.parse(row.as_of), late = Date.now() - asked;
  if (late > CURVE_MS || (late > 3000 && (day === null || now >= Date.parse(day.end)))) fetchCurve();
  if (day === null || now >= Date.parse(day.end)) return;
  if (points.length && now <= points[points.length - 1][0]) return;
  points.push([now, row.today_m3]);
  drawCurve();
}

// ---- the connection ----------------------------------------------------------------------------
const begun = Date.now();
let heard = 0, told = null, moved = 0, figuresOf = null;
const tell = (asOf) => {
  told = clock.format(new Date(asOf));
  document.getElementById("clock").textContent = told;
};

function connection() {
  const now = Date.now();
  const lost = now - (heard || begun) > SILENCE_MS;
  const stopped = !lost && moved !== 0 && now - moved > STOPPED_MS;
  const state = lost ? "lost" : stopped ? "stopped" : heard ? "live" : "waiting";
  const since = told ? ` · ${texts.last_figures} ${told}` : "";
  const said = { live: texts.connected, waiting: texts.connecting,
    lost: `■ ${texts.connection_lost}${since}`, stopped: `▲ ${texts.figures_stopped}${since}` }[state];
  const box = document.getElementById("connection");
  if (box.textContent !== said) box.textContent = said; // announced once, not every second
  document.body.dataset.connection = state;
}

function production(rows) {
  place("production", rows.map(producer));
  if (rows.length && rows[0].as_of !== figuresOf) {
    figuresOf = rows[0].as_of;
    moved = Date.now();
    tell(figuresOf);
  }
  if (settings.site !== null) grow(rows);
}
const reservoirs = (rows) => place("reservoirs", rows.map(reservoir));

let run = null; // of the server: another one may know another plant
function sameRun(eventId) {
  const of = eventId.split("-")[0];
  if (of && run && of !== run) location.reload();
  run = of || run;
}

function follow() {
  const stream = new EventSource("/api/v1/live");
  const on = (name, act) => stream.addEventListener(name, (event) => {
    heard = Date.now();
    sameRun(event.lastEventId);
    act(JSON.parse(event.data));
    connection();
  });
  on("snapshot", (data) => {
    tell(data.as_of);
    production(data.production);
    reservoirs(data.reservoirs);
    devices.clear();
    data.devices.forEach((row) => devices.set(row.id, row));
    drawDevices();
  });
  on("production", production);
  on("reservoirs", reservoirs);
  on("device", (row) => {
    devices.set(row.id, row);
    drawDevices();
  });
  on("readings", (data) => tell(data.as_of));
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, 3000);
  });
}

// a stream that was refused: either the key counts no longer, or the server is not itself yet
async function again() {
  const answer = await fetch("/api/v1/plant").catch(() => null);
  if (answer?.status === 401) location.reload();
  else follow();
}

// the page's own elements are made by NiceGUI after this file has been read
function begin() {
  if (!document.getElementById("devices") || (settings.site !== null && !chart())) {
    setTimeout(begin, 30);
    return;
  }
  // The page is complete and follows the stream from here on. NiceGUI's own line would reload it
  // when the server does not answer, and leave an empty window where the banner should be.
  const socket = window.socket;
  if (socket?.connected) socket.disconnect();
  else socket?.once("connect", () => socket.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCurve);
  addEventListener("resize", drawCurve);
  setInterval(connection, 1000);
  connection();
  follow();
}
begin();
