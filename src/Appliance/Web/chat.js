// The chat page: a connection that resumes by id, a bounded log, a composer that loses nothing.
// Every text of another user reaches the page through textContent, every colour through CSSOM.

const ROOM_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const COLOR = /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i;
const MESSAGE_ID = /^\d{1,20}$/;
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e001f}]/gu;
const DIRECTION = /[\t\r\n\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const RECONNECT_BASE_MS = 500;
const RECONNECT_MAX_MS = 15_000;
const STABLE_MS = 10_000;        // a connection that held this long starts the backoff anew
const ASK_MS = 25_000;           // nothing received for so long: the server is asked whether it is there
const LOOK_MS = 5_000;           // how often that is looked at
const ANSWER_MS = 5_000;         // nothing received for so long after sending or asking: the connection is dead
const CONNECT_MS = 10_000;       // a connection that is not made by then never will be
const LATE_MS = 1_000;           // a timer that is so late is one of a page that slept
const SETTLE_MS = 1_000;         // old messages arrive at once after opening; a screen reader need not read them all
const FLUSH_MS = 16;
const LOG_ENTRIES_MAX = 500;
const GROUP_MS = 5 * 60_000;     // a longer pause repeats the name
const BOTTOM_PX = 40;
const COUNTER_FROM = 20;         // characters left from which on they are shown

// Hues 30 degrees apart, neighbours also apart in lightness.
const PALETTE = [
  "#d02940", "#f57404", "#986b00", "#a5a604", "#298c01", "#04b991",
  "#07858a", "#0bade3", "#206ce7", "#9f89fe", "#a540bb", "#f45fb0",
];

const STATE_TEXT = { online: "Online", reconnecting: "Reconnecting…", closed: "Not connected" };

// The closes a user should hear about; the numbers are of the IANA WebSocket close code registry.
const CLOSE_TEXT = {
  1008: "too many messages in a short time",
  1009: "the message is too large",
  1011: "the server has a problem",
  1013: "the server is busy",
  4401: "your token has expired",
};

const NOT_LET_IN = "Not let in: ";
const DELETED = "deleted";
const NOT_CONNECTED = "Not connected. Your message stays here until the connection is back.";
const NAME_KEY = "appliance.name";

const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const room = new URLSearchParams(location.search).get("room") || "lobby";
// Lets in where the server asks for one (--auth jwt). What follows the # goes to no server, and so into no log.
const token = new URLSearchParams(location.hash.slice(1)).get("token") || new URLSearchParams(location.search).get("token");
const byId = (id) => document.getElementById(id);
const charactersLeft = (input) => Number(input.dataset.limit) - [...input.value.trim()].length;
/** What was pasted along and cannot be seen, which the server refuses, is left out. */
const visible = (text) => text.replace(UNSEEN, "").trim();
const isNewer = (id, than) => id.length > than.length || (id.length === than.length && id > than);

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function button(text, onClick) {
  const node = element("button", "", text);
  node.addEventListener("click", onClick);
  return node;
}

/** The colour of a name: the same for everyone, from the 32-bit FNV-1a hash of its UTF-16 code units. */
function colorOfName(name) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return PALETTE[((hash ^ (hash >>> 15)) >>> 0) % PALETTE.length];
}

/** What is not `#rgb` or `#rrggbb` leaves the default of the style sheet. */
const setNameColor = (node, color) => node.style.setProperty("--name-color", COLOR.test(color) ? color : "");

/** What the token says of its user, for show: the server checks it. */
const claims = guarded(() => {
  const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))));
}) ?? {};

/** For storage, which may be forbidden or full: the chat then works without a memory. */
function guarded(action) {
  try { return action(); } catch { return null; }
}

/**
 * A WebSocket to one room that reconnects with exponential backoff and full jitter and resumes behind the last
 * id it has seen, so that each message is delivered once. A browser hides the pings of the protocol from a page, so the
 * page asks by a message of its own: after a silence, and when there is reason to believe that the path may be dead.
 */
class Connection {
  #handlers;
  #socket = null;
  #lastId = "";
  #attempt = 0;
  #openedAt = Infinity;
  #heardAt = 0;
  #retryTimer;
  #answerTimer;

  /** The handlers: `online()`, `lost(code, reason)`, `refused(reason)` and `message(object)`. */
  constructor(handlers) {
    this.#handlers = handlers;
    setInterval(() => performance.now() - this.#heardAt >= ASK_MS && this.#ask(), LOOK_MS);
  }

  open() {
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.#address(), token ? ["appliance.v1", `appliance.token.${token}`] : []);
    this.#socket = socket;
    this.#openedAt = Infinity;
    this.#awaitAnswer(CONNECT_MS);
    socket.onopen = () => {
      this.#stopWaiting();
      this.#openedAt = this.#heardAt = performance.now();
      this.#handlers.online();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
  }

  /** Makes sure that somebody is there: asks, or connects at once if it was going to later. */
  check() {
    if (this.#socket === null) this.open();
    else this.#ask();
  }

  /** Returns false, and sends nothing, unless the connection is open. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    this.#awaitAnswer(ANSWER_MS);
    return true;
  }

  /** Once at a time: whatever comes is an answer. */
  #ask() {
    if (this.#answerTimer === undefined) this.send({ type: "ping" });
  }

  #awaitAnswer(milliseconds) {
    const due = performance.now() + milliseconds;
    this.#answerTimer ??= setTimeout(() => {
      this.#answerTimer = undefined;
      // While a page sleeps, what comes waits outside, and is handed in only behind the timers that are due.
      if (performance.now() - due > LATE_MS) this.#awaitAnswer(milliseconds);
      else this.#abandon();
    }, milliseconds);
  }

  /** A browser does not say why a handshake failed. The server does, to the same request without an upgrade. */
  async #askWhy() {
    try {
      const url = this.#address("check");
      const answer = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {}, cache: "no-store" });
      if (answer.status >= 400) this.#handlers.refused((await answer.text()).trim());
    } catch {
      // There is no server: it is tried again anyway.
    }
  }

  #address(path = ".") {
    const url = new URL(path, location.href);
    if (path === ".") url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.search = new URLSearchParams({ room, ...(this.#lastId && { after: this.#lastId }) });
    return url;
  }

  #receive(data) {
    this.#stopWaiting();
    this.#heardAt = performance.now();
    const message = JSON.parse(data);
    if (MESSAGE_ID.test(message.id)) {
      // A gap says behind which id the room goes on: lower than the last one when the server's memory was lost and its clock was ahead.
      if (message.type !== "gap" && !isNewer(message.id, this.#lastId)) return;
      this.#lastId = message.id;
    }
    this.#handlers.message(message);
  }

  /** Leaves a connection that may be dead without knowing it, and does not wait for its close. */
  #abandon() {
    const socket = this.#socket;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lost(1006, "");
  }

  #lost(code, reason) {
    this.#stopWaiting();
    this.#socket = null;
    if (performance.now() - this.#openedAt > STABLE_MS) this.#attempt = 0;
    const ceiling = Math.min(RECONNECT_MAX_MS, RECONNECT_BASE_MS * 2 ** this.#attempt++);
    // A server that stops knows how many come again, and tells each another moment.
    if (this.#openedAt === Infinity) this.#askWhy();
    const told = code === 1001 && /retry in (\d{1,6}) ms/.exec(reason)?.[1];
    this.#retryTimer = setTimeout(() => this.open(), told ? Math.min(told, RECONNECT_MAX_MS) : Math.random() * ceiling);
    this.#handlers.lost(code, reason);
  }

  #stopWaiting() {
    clearTimeout(this.#answerTimer);
    this.#answerTimer = undefined;
  }
}

/** The list of messages: grouped, bounded, following the newest only while the reader is at the bottom. */
class MessageLog {
  #scroller = byId("log");
  #list = byId("messages");
  #pill = byId("pill");
  #queue = [];
  #flushTimer;
  #following = true;
  #unread = 0;
  #last = null;

  constructor() {
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
    document.addEventListener("visibilitychange", () => this.#showUnread());
    this.#pill.addEventListener("click", () => this.#jumpToBottom());
    this.#showUnread();
  }

  /** Takes a message of the server; what arrives together is laid out together. */
  add(message) {
    this.#queue.push(message);
    if (this.#queue.length > LOG_ENTRIES_MAX) this.#queue.shift();
    if (message.type === "usermsg") this.#unread++;
    this.#showUnread();
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** A message was deleted: its place stays. */
  erase(id) {
    if (!MESSAGE_ID.test(id)) return;
    for (const message of this.#queue) if (message.id === id) message.message = DELETED;
    const text = this.#list.querySelector(`[data-id="${id}"] .text`);
    if (text !== null) text.textContent = DELETED;
  }

  #jumpToBottom() {
    this.#following = true;
    this.#follow();
    this.#showUnread();
    this.#scroller.focus({ preventScroll: true });
  }

  #flush() {
    this.#flushTimer = undefined;
    this.#list.append(...this.#queue.map((message) => this.#render(message)));
    this.#queue = [];
    this.#trim();
    this.#follow();
  }

  #trim() {
    const excess = this.#list.childElementCount - LOG_ENTRIES_MAX;
    if (excess <= 0) return;
    const heightBefore = this.#following ? 0 : this.#scroller.scrollHeight;
    [...this.#list.children].slice(0, excess).forEach((item) => item.remove());
    this.#list.firstElementChild.classList.remove("continued");
    if (!this.#following) this.#scroller.scrollTop -= heightBefore - this.#scroller.scrollHeight;
  }

  #follow() {
    if (this.#following) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#following = scrollHeight - scrollTop - clientHeight <= BOTTOM_PX;
    this.#showUnread();
  }

  #showUnread() {
    if (this.#following && !document.hidden) this.#unread = 0;
    document.title = `${this.#unread > 0 ? `(${this.#unread}) ` : ""}#${room} · appliance chat`;
    this.#pill.hidden = this.#following || this.#unread === 0;
    this.#pill.textContent = this.#unread === 1 ? "1 new message ↓" : `${this.#unread} new messages ↓`;
  }

  #render({ type, id, name, message, color, time, from }) {
    if (type !== "usermsg") {
      this.#last = null;
      const line = element("li", type === "gap" ? "notice" : "system", type === "deleted" ? DELETED : String(message));
      line.append(...timeElement(time));
      return line;
    }
    const last = this.#last;
    this.#last = { name, color, time, from };
    const continued = last?.name === name && last.color === color && last.from === from && time - last.time < GROUP_MS;
    const item = element("li", continued ? "message continued" : "message");
    item.classList.toggle("fresh", this.#scroller.ariaBusy !== "true");
    item.dataset.id = id;
    setNameColor(item, color);
    const avatar = element("span", "avatar", [...String(name)][0]?.toUpperCase());
    avatar.ariaHidden = "true";
    const byline = element("p", "byline");
    // The server alone writes this member: nobody can pass for an operator by a name.
    const mark = from === "server" ? [element("span", "mark", "operator")] : [];
    byline.append(element("bdi", "name", String(name)), ...mark, ...timeElement(time));
    const text = element("p", "text", String(message));
    text.dir = "auto";
    item.append(avatar, byline, text);
    return item;
  }
}

/** A `time` element in the reader's locale, with the day when it is not today; none for a message without a time. */
function timeElement(milliseconds) {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return [];
  const today = date.toDateString() === new Date().toDateString();
  const node = element("time", "", (today ? timeOfDay : dayAndTime).format(date));
  node.dateTime = date.toISOString();
  node.title = dayAndTime.format(date);
  return [node];
}

/** The form, and the messages sent whose echo is still to come. */
class Composer {
  #connection;
  #name = byId("name");
  #message = byId("message");
  #error = byId("error");
  #pending = [];

  constructor(connection) {
    this.#connection = connection;
    this.#name.value = guarded(() => localStorage.getItem(NAME_KEY)) ?? "";
    byId("composer").addEventListener("submit", (event) => this.#submit(event));
    this.#name.addEventListener("input", () => this.#nameChanged());
    this.#message.addEventListener("input", () => this.#messageChanged());
    this.#nameChanged();
  }

  /** Shows what went wrong; an empty text clears it. */
  report(text) { this.#error.replaceChildren(text); }

  connected(online) {
    byId("send").ariaDisabled = String(!online);
    const text = this.#error.textContent;
    if (online && (text === NOT_CONNECTED || text.startsWith(NOT_LET_IN))) this.report("");
    if (!online) this.#pending.forEach((sent) => this.#showUnconfirmed(sent));
  }

  /** The room has the message: it need not be kept. The wire has no mark of the sender, so name and text must do. */
  confirm({ name, message, from, user }) {
    const isOwn = (sent) => (user === undefined ? sent.name === name : user === claims.sub);
    if (from === undefined) this.#forget(this.#pending.find((sent) => isOwn(sent) && sent.message === message));
  }

  /** The token gives the name: there is nothing to choose. */
  named(name) {
    this.#name.value = name;
    this.#name.readOnly = true;
    this.#name.dataset.limit = [...name].length;
  }

  /** The server refused a message; with several under way it does not say which, so all show until they are confirmed. */
  refused(reason) {
    this.report(`Not sent: ${reason}`);
    if (this.#pending.length === 1 && this.#message.value === "") {
      this.#message.value = this.#pending[0].message;
      this.#messageChanged();
      this.#forget(this.#pending[0]);
    } else {
      this.#pending.forEach((sent) => this.#showUnconfirmed(sent));
    }
  }

  #submit(event) {
    event.preventDefault();
    const name = visible(this.#name.value).replace(DIRECTION, "");
    const message = visible(this.#message.value);
    const wrong = name === "" ? this.#name : [this.#name, this.#message].find((input) => charactersLeft(input) < 0);
    (wrong ?? this.#message).focus();
    if (wrong) {
      const excess = -charactersLeft(wrong);
      this.report(name === "" ? "Enter your name first." : `At most ${wrong.dataset.limit} characters: ${excess} too many.`);
    } else if (message !== "" && this.#send({ message, name, color: colorOfName(name) })) {
      this.#message.value = "";
      this.#messageChanged();
    }
  }

  #send(message) {
    const sent = this.#connection.send(message);
    if (sent) this.#pending.push(message);
    this.report(sent ? "" : NOT_CONNECTED);
    return sent;
  }

  #forget(sent) {
    this.#pending = this.#pending.filter((other) => other !== sent);
    sent?.row?.remove();
  }

  #showUnconfirmed(sent) {
    if (sent.row) return;
    const { message, name, color } = sent;
    sent.row = element("li", "");
    sent.row.append(
      element("span", "", `Perhaps not sent: ${message}`),
      button("Send again", () => this.#send({ message, name, color }) && this.#forget(sent)),
      button("Discard", () => this.#forget(sent)),
    );
    byId("outbox").append(sent.row);
  }

  #nameChanged() {
    const name = this.#name.value.trim();
    this.#name.ariaInvalid = String(charactersLeft(this.#name) < 0);
    setNameColor(byId("swatch"), name && colorOfName(name));
    guarded(() => localStorage.setItem(NAME_KEY, name));
  }

  #messageChanged() {
    const left = charactersLeft(this.#message);
    this.#message.ariaInvalid = String(left < 0);
    byId("counter").textContent = left <= COUNTER_FROM ? `${left} left` : "";
  }
}

function showState(state) {
  document.documentElement.dataset.state = state;
  byId("state").textContent = STATE_TEXT[state];
}

const log = new MessageLog();
const connection = new Connection({
  online() {
    showState("online");
    composer.connected(true);
    setTimeout(() => { byId("log").ariaBusy = "false"; }, SETTLE_MS);
  },
  lost(code, reason) {
    showState("reconnecting");
    composer.connected(false);
    if (code in CLOSE_TEXT) composer.report(`The server closed the connection: ${reason || CLOSE_TEXT[code]}.`);
  },
  refused(reason) { composer.report(`${NOT_LET_IN}${reason}.`); },
  message(message) {
    if (message.type === "usermsg") composer.confirm(message);
    if (message.type === "error") composer.refused(message.message);
    if (message.type === "delete") log.erase(message.deleted);
    else if (["usermsg", "deleted", "system", "gap"].includes(message.type)) log.add(message);
  },
});
const composer = new Composer(connection);
if (typeof claims.name === "string") composer.named(claims.name);

byId("room").textContent = room;
byId("rooms").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = new URLSearchParams(location.search);
  query.set("room", byId("room-name").value);
  location.assign(`?${query}${location.hash}`);
});
if (ROOM_NAME.test(room)) {
  addEventListener("online", () => connection.check());
  addEventListener("pageshow", (event) => event.persisted && connection.check());
  document.addEventListener("visibilitychange", () => document.hidden || connection.check());
  connection.open();
} else {
  showState("closed");
  composer.report(`“${room}” is not a room name. ${byId("room-name").title}`);
  byId("composer").inert = true;
}
