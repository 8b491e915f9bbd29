import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type News, Realtime } from "./realtime";

const session = vi.hoisted(() => ({
  token: "t1" as string | null,
  tenant: "a",
  refresh: vi.fn(async () => true),
}));
vi.mock("./session", () => ({
  API: "/api/v1",
  getToken: () => session.token,
  getSession: () => ({ user: { current_tenant_id: session.tenant } }),
  refresh: session.refresh,
  subscribeSession: () => () => undefined,
}));

class FakeSocket extends EventTarget {
  static all: FakeSocket[] = [];
  readyState = 1;
  said: { type: string; [name: string]: unknown }[] = [];
  constructor(readonly address: string) {
    super();
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.said.push(JSON.parse(text));
  }
  close(code = 1000) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
  hear(message: object) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }
  greet() {
    this.dispatchEvent(new Event("open"));
    this.hear({ type: "ready" });
  }
  get topics() {
    return this.said.findLast((message) => message.type === "subscribe")?.topics;
  }
}

const last = () => FakeSocket.all.at(-1) as FakeSocket;
const news = (topic: string, id: string): News => ({ topic, id, action: "update", version: 2 });

let realtime: Realtime;
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  session.token = "t1";
  session.tenant = "a";
  session.refresh.mockClear().mockResolvedValue(true);
  realtime = new Realtime(() => "ws://x/api/v1/realtime");
});
afterEach(() => {
  realtime.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a page that listens", () => {
  it("says who it is, then what it wants, over one connection", () => {
    realtime.listen("a.b", () => undefined);
    realtime.listen("c.d", () => undefined);
    last().greet();
    expect(FakeSocket.all).toHaveLength(1);
    expect(last().said[0]).toEqual({ type: "hello", token: "t1" });
    expect(last().topics).toEqual(["a.b", "c.d"]);
  });

  it("gets the news of its topic only, until it stops", () => {
    const heard = vi.fn();
    const stop = realtime.listen("a.b", heard);
    realtime.listen("c.d", () => undefined);
    last().greet();
    last().hear({ type: "events", events: [news("a.b", "1"), news("c.d", "2")] });
    expect(heard.mock.calls).toEqual([[[news("a.b", "1")]]]);
    stop();
    last().hear({ type: "events", events: [news("a.b", "3")] });
    expect(heard).toHaveBeenCalledTimes(1);
    expect(last().topics).toEqual(["c.d"]);
  });

  it("is told to look again when the server says so", () => {
    const heard = vi.fn();
    realtime.listen("a.b", heard);
    last().greet();
    last().hear({ type: "reload", topics: ["a.b"] });
    expect(heard).toHaveBeenCalledWith(null);
  });

  it("answers a ping", () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    last().hear({ type: "ping" });
    expect(last().said.at(-1)).toEqual({ type: "pong" });
  });
});

describe("a page that was loaded before it was heard", () => {
  const subscribed = { type: "subscribed", topics: ["a.b"] };

  it("looks again once it is, for what changed meanwhile", () => {
    const heard = vi.fn();
    realtime.listen("a.b", heard);
    last().greet();
    expect(heard).not.toHaveBeenCalled();
    last().hear(subscribed);
    last().hear(subscribed);
    expect(heard.mock.calls).toEqual([[null]]);
  });

  it("looks again in another tenant too", () => {
    const heard = vi.fn();
    realtime.listen("a.b", heard);
    last().greet();
    last().hear(subscribed);
    session.tenant = "b";
    realtime.sessionChanged();
    last().greet();
    last().hear(subscribed);
    expect(heard).toHaveBeenCalledTimes(2);
  });
});

describe("a connection that is lost", () => {
  it("comes back, and only then says that news may be missing", async () => {
    const heard = vi.fn();
    realtime.listen("a.b", heard);
    last().greet();
    last().hear({ type: "subscribed", topics: ["a.b"] });
    heard.mockClear();
    last().close(1006);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(FakeSocket.all).toHaveLength(2);
    last().greet();
    expect(heard).not.toHaveBeenCalled();
    last().hear({ type: "subscribed", topics: ["a.b"] });
    expect(heard.mock.calls).toEqual([[null]]);
  });

  it("waits longer each time", async () => {
    realtime.listen("a.b", () => undefined);
    for (let round = 0; round < 6; round += 1) {
      last().close(1006);
      await vi.advanceTimersByTimeAsync(60_000);
    }
    expect(FakeSocket.all).toHaveLength(7);
    last().close(1006);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.all).toHaveLength(7);
  });

  it("renews the token first when the server does not know it any more", async () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    session.refresh.mockImplementation(async () => {
      session.token = "t2";
      return true;
    });
    last().close(4401);
    await vi.advanceTimersByTimeAsync(2_000);
    last().greet();
    expect(session.refresh).toHaveBeenCalledWith("t1");
    expect(last().said[0]).toEqual({ type: "hello", token: "t2" });
  });

  it("comes back at once when the network does, and opens no second one", async () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    realtime.wake();
    expect(FakeSocket.all).toHaveLength(1);
    last().close(1006);
    await vi.advanceTimersByTimeAsync(0);
    realtime.wake();
    expect(FakeSocket.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("stays away when nobody is logged in any more", async () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    session.refresh.mockResolvedValue(false);
    last().close(4401);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a session that changes", () => {
  it("shows a new token over the same connection", () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    session.token = "t2";
    realtime.sessionChanged();
    expect(FakeSocket.all).toHaveLength(1);
    expect(last().said.at(-1)).toEqual({ type: "hello", token: "t2" });
  });

  it("opens another connection for another tenant", () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    session.tenant = "b";
    session.token = "t2";
    realtime.sessionChanged();
    expect(FakeSocket.all[0]?.readyState).toBe(3);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("hears nothing after the log-out", () => {
    realtime.listen("a.b", () => undefined);
    last().greet();
    session.token = null;
    realtime.sessionChanged();
    expect(last().readyState).toBe(3);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
