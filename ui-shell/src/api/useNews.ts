import { useEffect, useRef } from "react";
import { queryClient } from "./queries";
import { type Listener, realtime } from "./realtime";
import type { Source } from "./source";

/** How often an open list asks again at most, however much changes: an import is one change. */
const LIST_PAUSE = 1500;

/** Calls back with what is heard of an entity's records while the component is shown. */
export function useNews(source: Source, onNews: Listener): void {
  const latest = useRef(onNews);
  latest.current = onNews;
  const topic = `${source.service}.${source.entity}`;
  useEffect(() => realtime.listen(topic, (news) => latest.current(news)), [topic]);
}

/** Keeps the lists of an entity as they are on the server: at once, then every so often. */
export function useFreshLists(source: Source): void {
  const state = useRef<{ timer?: ReturnType<typeof setTimeout>; again: boolean }>({ again: false });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  useNews(source, function ask() {
    const now = state.current;
    if (now.timer !== undefined) {
      now.again = true;
      return;
    }
    void queryClient.invalidateQueries({ queryKey: ["list", source.data] });
    now.timer = setTimeout(() => {
      delete now.timer;
      if (!now.again) return;
      now.again = false;
      ask();
    }, LIST_PAUSE);
  });
}
