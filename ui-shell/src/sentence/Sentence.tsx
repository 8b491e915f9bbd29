import { lazy, Suspense } from "react";
import { useLocale } from "../i18n";

const Said = lazy(() => import("./Said").then((module) => ({ default: module.Said })));

/** A sentence that the server wrote, in the language of the page; English is its own. */
export function Sentence({ text }: { text: string }) {
  const locale = useLocale();
  if (locale === "en") return <>{text}</>;
  return (
    <Suspense fallback={text}>
      <Said text={text} />
    </Suspense>
  );
}
