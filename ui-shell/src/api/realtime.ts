import { API, getSession, getToken, refresh, subscribeSession } from "./session";

/** What the server tells of a record that changed: which one, never its values. */
export type News = { topic: string; id: string | null; action: string; version: number | null };
/** Called with the news of a topic, or with null when some may have been missed. */
export type Listener = (news: readonly News[] | null) => void;

type Heard =
  | { type: "ready" | "ping" }
  | { type: "subscribed"; topics: string[] }
  | { type: "events"; events: News[] }
  | { type: "reload"; topics: string[] };

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const UNAUTHENTICATED = 4401;

/**
 * One WebSocket for all that the open page wants to hear of. It comes back by itself; what
 * may have been missed meanwhile is told as null.
 */
export class Realtime {
  private readonly listeners = new Map<string, Set<Listener>>();
  private socket: WebSocket | null = null;
  private ready = false;
  /** Whether something may have changed unheard; so before the first connection too. */
  private missed = true;
  private shown: string | null = null;
  private tenant: string | null | undefined;
  private pause = FIRST_PAUSE;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly address: () => string) {}

  /** Returns how to stop listening. */
  listen(topic: string, listener: Listener): () => void {
    const known = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, known.add(listener));
    if (known.size === 1) this.ask();
    if (!this.socket && !this.timer) this.open();
    return () => {
      known.delete(listener);
      if (known.size > 0) return;
      this.listeners.delete(topic);
      this.ask();
    };
  }

  /** A new token is shown to the server; another tenant, or nobody, needs a new connection. */
  sessionChanged(): void {
    const token = getToken();
    const tenant = getSession().user?.current_tenant_id;
    if (tenant !== this.tenant || !token) {
      this.tenant = tenant;
      this.pause = FIRST_PAUSE;
      this.close();
      if (token && this.listeners.size > 0) this.open();
      return;
    }
    if (this.ready && token !== this.shown) this.hello(token);
  }

  /** The network is back, or somebody looks at the page again: no reason to wait longer. */
  wake(): void {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.pause = FIRST_PAUSE;
    this.open();
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = null;
    this.ready = false;
    this.missed = true;
    socket?.close();
  }

  private open(): void {
    this.timer = undefined;
    if (!getToken()) return;
    this.tenant = getSession().user?.current_tenant_id;
    const socket = new WebSocket(this.address());
    this.socket = socket;
    socket.addEventListener("open", () => {
      const token = getToken();
      if (token) this.hello(token);
      else socket.close();
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (this.socket === socket) this.hear(JSON.parse(event.data) as Heard);
    });
    socket.addEventListener("close", (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.ready = false;
      this.missed = true;
      if (this.listeners.size > 0) void this.again(event.code);
    });
  }

  private async again(code: number): Promise<void> {
    if (code === UNAUTHENTICATED && !(await refresh(this.shown))) return;
    if (this.socket || this.timer) return;
    // Not all pages of an office at once after the server was restarted.
    this.timer = setTimeout(() => this.open(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  private hello(token: string): void {
    this.shown = token;
    this.say({ type: "hello", token });
  }

  private ask(): void {
    if (this.ready) this.say({ type: "subscribe", topics: [...this.listeners.keys()] });
  }

  private say(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  private hear(message: Heard): void {
    if (message.type === "ready") {
      this.ready = true;
      this.pause = FIRST_PAUSE;
      this.ask();
    } else if (message.type === "ping") {
      this.say({ type: "pong" });
    } else if (message.type === "subscribed" && this.missed) {
      // Only now: what changes from here on is told.
      this.missed = false;
      this.tell(message.topics, null);
    } else if (message.type === "reload") {
      this.tell(message.topics, null);
    } else if (message.type === "events") {
      for (const topic of new Set(message.events.map((news) => news.topic))) {
        this.tell([topic], message.events.filter((news) => news.topic === topic));
      }
    }
  }

  private tell(topics: readonly string[], news: readonly News[] | null): void {
    for (const topic of topics) {
      for (const listener of this.listeners.get(topic) ?? []) listener(news);
    }
  }
}

export const realtime = new Realtime(
  () => `${location.origin.replace(/^http/, "ws")}${API}/realtime`,
);
subscribeSession(() => realtime.sessionChanged());
window.addEventListener("online", () => realtime.wake());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") realtime.wake();
});
