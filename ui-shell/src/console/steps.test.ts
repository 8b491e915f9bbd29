import { afterEach, beforeAll, expect, test } from "vitest";
import { loadConsoleTexts, setLocale } from "../i18n";
import type { ServiceDefinition } from "./definition";
import { lossText, stepText } from "./steps";

beforeAll(loadConsoleTexts);
afterEach(() => setLocale("en"));

const DEFINITION: ServiceDefinition = {
  id: "s",
  name: "shop",
  entities: [
    {
      id: "e",
      name: "sales_orders",
      label: { en: "Order", id: "Pesanan" },
      label_plural: { en: "Orders", id: "Pesanan" },
      fields: [
        { id: "f", name: "due_on", type: "date", label: { en: "Due", id: "Jatuh tempo" } },
        { id: "g", name: "parts", type: "lines", label: { en: "Parts", id: "Bagian" } },
        { id: "h", name: "amount_paid", type: "money" },
      ],
    },
  ],
};

test.each([
  ["Create the schema svc_shop", "Set up a place for the data of this service"],
  ["Create the table of sales_orders", "Make room for the records of “Orders”"],
  ["Create the table of sales_orders__parts", "Make room for the records of “Orders → Parts”"],
  ["Turn on row security for sales_orders", "Keep the “Orders” of different tenants apart"],
  ["Add amount_paid to sales_orders", "Add the field “Amount paid” to “Orders”"],
  ["Remove old_field from sales_orders", "Remove the field “Old field” from “Orders”"],
  ["Remove old_things with all its records", "Remove “Old things” with all its records"],
  [
    "Turn due_on of sales_orders from long_text into date",
    "Convert “Due” of “Orders” from long text to date",
  ],
  [
    "Make due_on of sales_orders NOT NULL, which reads no row any more",
    "Finish making “Due” of “Orders” required",
  ],
  [
    "Drop the check that stood in for NOT NULL of due_on of sales_orders",
    "Tidy up after making “Due” of “Orders” required",
  ],
  [
    "Make finding sales_orders by created_at DESC, id DESC fast",
    "Make the list of “Orders” fast",
  ],
  [
    "No two sales_orders of a tenant share due_on, amount_paid",
    "Let no two “Orders” of a tenant have the same Due, Amount paid",
  ],
  ["Drop the index uq_e_f of sales_orders", "Let “Orders” have the same values again"],
  [
    "Drop the index ix_e_f of sales_orders",
    "No longer make one way of finding “Orders” fast",
  ],
  [
    "Demand due_on in sales_orders; from now on",
    "Make “Due” of “Orders” required, in everything saved from now on",
  ],
  [
    "Make searching sales_orders by due_on fast; built after the publish, while everybody works on",
    "Make searching “Orders” by “Due” fast; done after publishing, while everybody works on",
  ],
  ["Something the server learned since", "Something the server learned since"],
])("%j is said as %j", (summary, text) => {
  expect(stepText(summary, DEFINITION)).toBe(text);
});

test("steps and losses are said in the language of the page", async () => {
  await setLocale("id");
  expect(stepText("Demand due_on in sales_orders", DEFINITION)).toBe(
    "Wajibkan “Jatuh tempo” pada “Pesanan”",
  );
  const loses = { name: "sales_orders", what: "every record of sales_orders", rows: 2 };
  expect(lossText(loses, DEFINITION)).toBe("semua data “Pesanan”");
});

test("names stand for labels while the definition is not known", () => {
  expect(stepText("Demand due_on in sales_orders", undefined)).toBe(
    "Make “Due on” of “Sales orders” required",
  );
});
