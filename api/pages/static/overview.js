// Follows /api/v1/live and writes what it says into the page. No build step, no framework.
const settings = JSON.parse(document.getElementById("settings").textContent);
const { texts, names } = settings;
const locale = { fr: "fr-DZ", ar: "ar-DZ-u-nu-latn", en: "en-GB" }[settings.language];

const format = (digits) => {
  const shape = new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
  return (value) => (value === null || value === undefined ? "–" : shape.format(value));
};
const whole = format(0), tenth = format(1), hundredth = format(2);
const percent = (ratio) =>
  ratio === null ? "–" : new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(ratio);

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
};
const bdi = (value) => element("bdi", { textContent: value });
const marks = { good: null, uncertain: "▲", bad: "■" };
const mark = (quality, reason) => quality === "good" ? null :
  element("span", { className: "mark" }, `${marks[quality]} ${texts[quality]}${reason ? ` (${reason})` : ""}`);

function bar(fill, pace) {
  const made = element("div", { className: "bar", role: "img", ariaLabel: percent(fill) });
  const part = element("i");
  part.style.width = `${Math.max(0, Math.min(1, fill ?? 0)) * 100}%`;
  made.append(part);
  if (pace !== undefined) {
    const line = element("b");
    line.style.insetInlineStart = `${Math.min(1, pace) * 100}%`;
    made.append(line);
  }
  return made;
}

function card(id, quality, ...children) {
  const made = element("article", { className: `card ${quality}` }, ...children);
  made.dataset.id = id;
  return made;
}

function production(rows) {
  const box = document.getElementById("production");
  box.replaceChildren(...rows.map((row) => card(row.site, row.quality,
    element("h3", {}, names[row.site] ?? row.site),
    element("span", { className: "big" }, bdi(`${whole(row.flow_m3_per_h)} ${texts.m3_per_h}`)),
    element("span", {}, `${texts.today} `, bdi(`${whole(row.today_m3)} ${texts.m3}`)),
    row.target_m3_per_day === null
      ? element("small", {}, texts.no_target)
      : bar(row.today_m3 === null ? null : row.today_m3 / row.target_m3_per_day, dayPart(row.as_of)),
    row.target_m3_per_day === null ? null
      : element("small", {}, `${texts.target} `, bdi(`${whole(row.target_m3_per_day)} ${texts.m3_per_day}`)),
    element("small", {}, `${texts.projected} `,
      bdi(`${whole(row.projected_today_m3)} ${texts.m3} · ${percent(row.projected_attainment)}`)),
    element("small", {}, `${texts.coverage} `, bdi(percent(row.coverage))),
    mark(row.quality, row.reason),
  )));
}

function reservoirs(rows) {
  const box = document.getElementById("reservoirs");
  box.replaceChildren(...rows.map((row) => {
    const moving = row.net_flow_m3_per_h === null ? null
      : row.net_flow_m3_per_h >= 0 ? `↑ ${texts.filling}` : `↓ ${texts.emptying}`;
    const until = row.hours_to_empty !== null ? [texts.hours_to_empty, row.hours_to_empty]
      : row.hours_to_full !== null ? [texts.hours_to_full, row.hours_to_full] : null;
    return card(row.id, row.in_service ? row.quality : "out",
      element("h3", {}, names[row.id] ?? row.name),
      bar(row.fill),
      element("span", {}, bdi(`${percent(row.fill)} · ${hundredth(row.level_m)} ${texts.metres}`)),
      element("small", {}, bdi(`${whole(row.volume_m3)} / ${whole(row.capacity_m3)} ${texts.m3}`)),
      element("small", {}, moving ? `${moving} ` : `${texts.net_flow} `,
        bdi(`${whole(row.net_flow_m3_per_h)} ${texts.m3_per_h}`)),
      until && until[1] < 1000 ? element("small", {}, `${until[0]} `, bdi(`${tenth(until[1])} ${texts.hours}`)) : null,
      row.in_service ? mark(row.quality, row.reason)
        : element("span", { className: "mark" }, texts.out_of_service));
  }));
}

const deviceCards = new Map();
function device(row) {
  const quality = { online: "good", degraded: "uncertain", offline: "bad" }[row.state];
  const made = card(row.id, quality, element("h3", {}, names[row.id] ?? row.id),
    quality === "good" ? element("small", {}, texts[row.state])
      : element("span", { className: "mark" }, `${marks[quality]} ${texts[row.state]}`),
    element("small", {}, bdi(row.protocol)));
  deviceCards.get(row.id)?.replaceWith(made);
  if (!deviceCards.has(row.id)) document.getElementById("devices").append(made);
  deviceCards.set(row.id, made);
}

let day = null;
const dayPart = (asOf) => day === null ? undefined
  : (Date.parse(asOf) - Date.parse(day.begin)) / (Date.parse(day.end) - Date.parse(day.begin));

async function curve() {
  if (settings.site === null) return;
  const answer = await fetch(`/api/v1/production/curve?site=${encodeURIComponent(settings.site)}`);
  if (!answer.ok) return;
  day = await answer.json();
  const pace = day.target_m3 === null ? [] : [[day.begin, 0], [day.end, day.target_m3]];
  const chart = window.getElement?.(settings.chart)?.chart;
  chart?.setOption({
    title: { text: names[day.site] ?? day.site, right: 8, textStyle: { fontSize: 13, fontWeight: "normal" } },
    xAxis: { min: day.begin, max: day.end },
    series: [{ data: day.points.map((p) => [p.time, p.volume_m3]) }, { data: pace }],
  });
}

let heard = 0;
function connection() {
  const lost = Date.now() - heard > 5000;
  const state = document.getElementById("connection");
  state.textContent = lost ? texts.connection_lost : texts.connected;
  state.className = lost ? "lost" : "";
  document.body.classList.toggle("lost-data", lost);
}

const clock = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium", timeZone: settings.time_zone });
function follow() {
  const stream = new EventSource("/api/v1/live");
  const on = (name, act) => stream.addEventListener(name, (event) => {
    heard = Date.now();
    act(JSON.parse(event.data));
    connection();
  });
  on("snapshot", (data) => {
    production(data.production);
    reservoirs(data.reservoirs);
    data.devices.forEach(device);
  });
  on("production", production);
  on("reservoirs", reservoirs);
  on("device", device);
  on("readings", (data) => {
    document.getElementById("clock").textContent = clock.format(new Date(data.as_of));
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
}

follow();
setInterval(connection, 1000);
setTimeout(curve, 300);
setInterval(curve, 60000);
