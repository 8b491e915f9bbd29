import { expect, test } from "vitest";
import { inIndonesian } from "./sentences";

test.each([
  ["the router was not tested yet", "router belum diuji"],
  ["3 to add", "3 ditambah"],
  ["3 to add, 12 as they should be, 1 not ours", "3 ditambah, 12 sudah sesuai, 1 bukan milik kita"],
  ["Not applied: the router is stopped.", "Tidak diterapkan: router berhenti."],
  [
    "stopped: dropped, since /ppp/secret/set: no whole reply within 10 s",
    "dihentikan: koneksi diputus karena /ppp/secret/set: tidak ada jawaban utuh dalam 10 detik",
  ],
  [
    "profile HOME-10M: the router has an entry of this name that Rangka did not make",
    "profil HOME-10M: di router ada entri bernama sama yang bukan buatan Rangka",
  ],
  ["10.0.0.1: no answer in 60 s", "10.0.0.1: tidak ada jawaban dalam 60 detik"],
  ["C (1): accepted, but reads otherwise: the entry itself", "C (1): diterima, tetapi terbaca lain: entri itu sendiri"],
])("%s is said in Indonesian", (sentence, said) => {
  expect(inIndonesian(sentence)).toBe(said);
});

test.each([
  "The words of tomorrow.",
  "/ppp/secret/add: failure of a new kind: 7",
  "3 to add, 4 to dance and sing",
  "",
  ": ",
  "a\nb",
])("what is not known stays as it is: %j", (sentence) => {
  expect(inIndonesian(sentence)).toBe(sentence.replace("3 to add", "3 ditambah"));
});
