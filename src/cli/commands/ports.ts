// Published ports as text, neighbours merged: `*:9000-9001->90-91/udp`.
import type { PortConfig } from "../../api/types.js";

interface Range {
  readonly protocol: string;
  readonly published: number;
  readonly target: number;
  readonly length: number;
}

export function portRanges(ports: readonly PortConfig[]): string[] {
  const sorted = ports.toSorted(byProtocolAndPort);
  const ranges: Range[] = [];
  for (const port of sorted) {
    const { protocol, published, target } = numbersOf(port);
    const last = ranges.at(-1);
    const extends_ =
      last !== undefined &&
      last.protocol === protocol &&
      published === last.published + last.length &&
      target === last.target + last.length;
    if (last !== undefined && extends_) ranges[ranges.length - 1] = { ...last, length: last.length + 1 };
    else ranges.push({ protocol, published, target, length: 1 });
  }
  return ranges.map(rangeText);
}

export function portText(port: PortConfig): string {
  return rangeText({ ...numbersOf(port), length: 1 });
}

function numbersOf(port: PortConfig): { protocol: string; published: number; target: number } {
  return { protocol: port.Protocol || "tcp", published: port.PublishedPort ?? 0, target: port.TargetPort ?? 0 };
}

function byProtocolAndPort(a: PortConfig, b: PortConfig): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  if (left.protocol !== right.protocol) return left.protocol < right.protocol ? -1 : 1;
  return left.published - right.published || left.target - right.target;
}

function rangeText({ protocol, published, target, length }: Range): string {
  const span = (first: number): string => (length === 1 ? `${first}` : `${first}-${first + length - 1}`);
  return `*:${span(published)}->${span(target)}/${protocol}`;
}
