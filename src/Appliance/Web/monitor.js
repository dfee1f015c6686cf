// The monitor page: the last ten minutes come at once, then one sample a second. Plots are SVG paths of their own making.

const WINDOW_MS = 600_000;
const WINDOW_MS_MIN = 60_000;    // what a server has to show that has just begun
const EVERY_MS = 1000;
const ANSWER_MS = 5000;
const GAP_MS = 3500;             // a longer silence between two samples is shown as a gap
const WIDTH = 600;
const HEIGHT = 100;
const SVG = "http://www.w3.org/2000/svg";

const count = (value) => value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });
const percent = (value) => `${value.toLocaleString(undefined, { maximumFractionDigits: 1 })} %`;
const milliseconds = (value) => `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} ms`;

function bytes(value) {
  const unit = value >= 1e9 ? ["GB", 1e9] : value >= 1e6 ? ["MB", 1e6] : ["kB", 1e3];
  return `${(value / unit[1]).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit[0]}`;
}

function duration(seconds) {
  const days = Math.floor(seconds / 86_400);
  const rest = new Date(Math.floor(seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${rest}` : rest;
}

// One row a plot: what it shows, the columns of /history, how a value is written, and the largest value if that is fixed.
const PLOTS = [
  { title: "Messages a second", lines: [["rps", "messages"]], write: count },
  { title: "Deliveries a second", lines: [["deliveries_per_second", "deliveries"]], write: count },
  { title: "Latency", lines: [["delivery_p50_ms", "half within"], ["delivery_p99_ms", "99 of 100 within"]], write: milliseconds },
  { title: "Idle", lines: [["idle_percent", "idle"]], write: percent, max: 100 },
  { title: "Connections", lines: [["connections", "connections"]], write: count },
  { title: "Memory of the workers", lines: "memory_bytes", write: bytes },
];

// One row a column of the table: heading, name in /status, how a value is written.
const COLUMNS = [
  ["Messages", "requests", count],
  ["a second", "rps", count],
  ["Average", "avg_request_ms", milliseconds],
  ["Idle", "idle_percent", percent],
  ["Connections", "connections", count],
  ["Deliveries", "deliveries", count],
  ["Memory", "memory_bytes", bytes],
  ["Restarts", "restarts", count],
];

const byId = (id) => document.getElementById(id);
const history = { time: [] };

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function shape(tag, className, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  return node;
}

/** The next number of the form 1, 2 or 5 times a power of ten. */
function niceMax(value) {
  if (value <= 0) {
    return 1;
  }

  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((step) => step * power >= value);
}

class Plot {
  constructor(row) {
    this.row = row;
    this.card = element("article", "card");
    this.now = element("span", "now");
    const head = element("div", "card-head");
    head.append(element("h2", "", row.title), this.now);
    this.box = element("div", "plot");
    this.svg = shape("svg", "", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    for (const y of [0, HEIGHT / 2, HEIGHT]) {
      this.svg.append(shape("line", "grid", { x1: 0, x2: WIDTH, y1: y, y2: y }));
    }

    this.lines = shape("g", "");
    this.cursor = shape("line", "cursor", { y1: 0, y2: HEIGHT });
    this.svg.append(this.lines, this.cursor);
    this.top = element("span", "axis top");
    this.right = element("span", "axis right", "now");
    this.left = element("span", "axis left");
    this.box.append(this.svg, this.top, this.left, this.right);
    this.legend = element("ul", "legend");
    this.card.append(head, this.box, this.legend);
    this.pointer = -1;
    this.box.addEventListener("pointermove", (event) => this.point((event.clientX - this.box.getBoundingClientRect().left) / this.box.clientWidth));
    this.box.addEventListener("pointerleave", () => this.point(-1));
  }

  /** The lines to draw: name and values, one for each sample. */
  series() {
    if (typeof this.row.lines !== "string") {
      return this.row.lines.map(([column, name]) => ({ name, values: history[column] ?? [] }));
    }

    const samples = history[this.row.lines] ?? [];
    const workers = [...new Set(samples.flatMap((sample) => Object.keys(sample)))].sort((a, b) => a - b);
    return workers.map((worker) => ({ name: `worker ${worker}`, values: samples.map((sample) => sample[worker] ?? NaN) }));
  }

  point(share) {
    this.pointer = share;
    this.draw();
  }

  draw() {
    const { time } = history;
    const series = this.series();
    const end = time.at(-1) ?? Date.now();
    const largest = Math.max(0, ...series.map(({ values }) => values.reduce((most, value) => (value > most ? value : most), 0)));
    const max = this.row.max ?? niceMax(largest);
    this.span = Math.min(WINDOW_MS, Math.max(WINDOW_MS_MIN, end - (time[0] ?? end)));
    this.left.textContent = this.span < 2 * WINDOW_MS_MIN ? `${Math.round(this.span / 1000)} s ago` : `${Math.round(this.span / 60_000)} min ago`;
    const place = (i, value) => `${(WIDTH * (1 - (end - time[i]) / this.span)).toFixed(1)} ${(HEIGHT * (1 - value / max)).toFixed(1)}`;
    this.top.textContent = this.row.write(max);
    this.lines.replaceChildren(...series.flatMap(({ values }, index) => this.shapes(values, index, series.length, place)));
    this.showValues(series, end);
    this.svg.setAttribute("aria-label", `${this.row.title}: ${this.now.textContent} now, at most ${this.row.write(largest)} in ten minutes`);
  }

  shapes(values, index, count, place) {
    const { time } = history;
    const runs = [];
    values.forEach((value, i) => {
      if (Number.isNaN(value)) {
        return;
      }

      const follows = i > 0 && !Number.isNaN(values[i - 1]) && time[i] - time[i - 1] < GAP_MS;
      if (follows) {
        runs.at(-1).push(i);
      } else {
        runs.push([i]);
      }
    });
    const drawn = runs.map((run) => `M${run.map((i) => place(i, values[i])).join("L")}${run.length === 1 ? "h0.1" : ""}`);
    const line = shape("path", `line series-${index}`, { d: drawn.join("") });
    this.color(line, index, count);
    if (count > 1 || drawn.length === 0) {
      return [line];
    }

    const floors = runs.map((run, i) => `${drawn[i]}L${place(run.at(-1), 0)}L${place(run[0], 0)}Z`);
    return [shape("path", "area", { d: floors.join("") }), line];
  }

  /** More lines than two get hues around the circle. */
  color(node, index, count) {
    if (count > 2) {
      node.style.setProperty("--series", `light-dark(oklch(0.55 0.17 ${(255 + (index * 360) / count) % 360}), oklch(0.78 0.13 ${(255 + (index * 360) / count) % 360}))`);
    }
  }

  /** What was at the pointer, or is now. */
  showValues(series, end) {
    const { time } = history;
    let at = time.length - 1;
    if (this.pointer >= 0 && at >= 0) {
      const wanted = end - this.span * (1 - this.pointer);
      const later = time.findIndex((one) => one >= wanted);
      at = later > 0 && wanted - time[later - 1] < time[later] - wanted ? later - 1 : Math.max(0, later);
      const x = WIDTH * (1 - (end - time[at]) / this.span);
      this.cursor.setAttribute("x1", x);
      this.cursor.setAttribute("x2", x);
    }

    this.cursor.classList.toggle("shown", this.pointer >= 0 && at >= 0);
    this.right.textContent = this.pointer >= 0 && at >= 0 ? new Date(time[at]).toLocaleTimeString() : "now";
    const written = series.map(({ values }) => (at >= 0 && !Number.isNaN(values[at] ?? NaN) ? this.row.write(values[at]) : "–"));
    const sum = typeof this.row.lines === "string" && at >= 0 ? series.reduce((all, { values }) => all + (values[at] || 0), 0) : NaN;
    this.now.textContent = Number.isNaN(sum) ? (written[0] ?? "–") : this.row.write(sum);
    this.legend.replaceChildren(...(series.length < 2 ? [] : series.map(({ name }, index) => {
      const item = element("li", `series-${index}`, `${name} ${written[index]}`);
      this.color(item, index, series.length);
      return item;
    })));
  }
}

function merge(newer) {
  if (newer.time.at(-1) < history.time.at(-1)) {
    // The clock of the server was put back: all comes again, with other times.
    Object.values(history).forEach((values) => values.splice(0));
  }

  const last = history.time.at(-1) ?? 0;
  const from = newer.time.findIndex((time) => time > last);
  if (from < 0) {
    return;
  }

  for (const [column, values] of Object.entries(newer)) {
    (history[column] ??= []).push(...values.slice(from));
  }

  const keep = history.time.findIndex((time) => time >= history.time.at(-1) - WINDOW_MS);
  Object.values(history).forEach((values) => values.splice(0, keep));
}

function row(cells, tag = "td") {
  const node = element("tr", "");
  node.append(...cells.map((text) => element(tag, "", text)));
  return node;
}

function showStatus(status) {
  const word = status.healthy ? (status.ready ? "Healthy" : "Not ready") : status.troubles.join(", ");
  document.documentElement.dataset.state = status.ready ? "healthy" : status.healthy ? "waiting" : "trouble";
  setText(byId("state"), word);
  byId("about").textContent = `version ${status.version}, up ${duration(status.uptime_seconds)}, ${count(status.rooms)} ${status.rooms === 1 ? "room" : "rooms"}`;
  byId("workers").replaceChildren(...status.per_worker.map((worker) => {
    const cells = row([String(worker.worker), String(worker.pid || "–"), worker.state, ...COLUMNS.map(([, name, write]) => write(worker[name]))]);
    cells.classList.toggle("trouble", worker.state === "dead" || worker.state === "stuck");
    return cells;
  }));
  byId("total").replaceChildren(row(["All", "", "", ...COLUMNS.map(([, name, write]) => write(status[name]))]));
}

/** A screen reader hears of a state only when it changes. */
function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

async function get(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  if (!response.ok) {
    throw new Error(`${path}: ${response.status}`);
  }

  return response.json();
}

async function update() {
  try {
    const [newer, status] = await Promise.all([get(`history?after=${history.time.at(-1) ?? 0}`), get("status")]);
    merge(newer);
    showStatus(status);
    plots.forEach((plot) => plot.draw());
  } catch {
    document.documentElement.dataset.state = "silent";
    setText(byId("state"), "No answer");
  }

  setTimeout(update, EVERY_MS);
}

const plots = PLOTS.map((plot) => new Plot(plot));
byId("plots").replaceChildren(...plots.map((plot) => plot.card));
byId("columns").replaceChildren(row(["Worker", "Process", "State", ...COLUMNS.map(([heading]) => heading)], "th"));
update();
