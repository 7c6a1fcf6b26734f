// Small pieces of text that many tables share: ages, short ids, natural order.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** go-units HumanDuration: `5 seconds`, `About a minute`, `2 weeks`. Milliseconds. */
export function humanDuration(ms: number): string {
  if (ms < second) return "Less than a second";
  const seconds = Math.floor(ms / second);
  if (seconds === 1) return "1 second";
  if (ms < minute) return `${seconds} seconds`;
  const minutes = Math.floor(ms / minute);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(ms / hour + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(ms / day / 365)} years`;
}

/** `2026-11-20T16:30:26.9Z` in milliseconds, fractions beyond them dropped. */
export function timeOf(rfc3339: string | undefined): number {
  return rfc3339 === undefined ? 0 : Date.parse(rfc3339.replace(/(\.\d{3})\d*/, "$1"));
}

const shortIdLength = 12;

export function shortId(id: string): string {
  return id.slice(0, shortIdLength);
}

/** Cut to `length` characters, the last of them an ellipsis. */
export function ellipsis(text: string, length: number): string {
  const characters = Array.from(text);
  if (characters.length <= length) return text;
  return length <= 1 ? characters.slice(0, length).join("") : `${characters.slice(0, length - 1).join("")}…`;
}

/** `running` to `Running`, and so that `rollback_started` keeps its second half. */
export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** web.2 before web.10: digits compare as numbers, the rest as text. */
export function compareNatural(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = comparePiece(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function comparePiece(a: string, b: string): number {
  const bothNumbers = /^\d/.test(a) && /^\d/.test(b);
  if (!bothNumbers) return a === b ? 0 : a < b ? -1 : 1;
  const [left, right] = [a.replace(/^0+(?=\d)/, ""), b.replace(/^0+(?=\d)/, "")];
  if (left.length !== right.length) return left.length - right.length;
  if (left !== right) return left < right ? -1 : 1;
  return a.length - b.length;
}
