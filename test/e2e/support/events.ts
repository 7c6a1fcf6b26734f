// What the engines say happened to a service's containers: how many ran at a time, and how they ended.

import type { Hosts } from "./hosts.js";

/** Since then, when `before` ran. Engines keep 256 events, and health checks are events too. */
export async function ranSince(hosts: Hosts, service: string, sinceMs: number, before: number): Promise<Ran> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.swarm.service.name=${service}`] }));
  const query = `since=${sinceMs / 1000}&until=${Date.now() / 1000}&filters=${filters}`;
  const answers = await Promise.all(hosts.all.map((host) => host.engine.http.get(`/events?${query}`)));
  const events = answers
    .flatMap(({ text }) => text.trim().split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EngineEvent)
    .filter(({ Action }) => Action === "start" || Action === "die")
    .sort((a, b) => a.timeNano - b.timeNano);
  let running = before;
  const counts = [before, ...events.map(({ Action }) => (running += Action === "start" ? 1 : -1))];
  return {
    least: Math.min(...counts),
    most: Math.max(...counts),
    started: events.filter(({ Action }) => Action === "start").length,
    completed: events.filter(({ Actor }) => Actor.Attributes.exitCode === "0").length,
  };
}

/** Of a service's containers. */
export interface Ran {
  /** The fewest and the most that ran at one time. */
  readonly least: number;
  readonly most: number;
  readonly started: number;
  /** Those that ended with exit code 0. */
  readonly completed: number;
}

interface EngineEvent {
  readonly Action: string;
  readonly Actor: { readonly Attributes: { readonly exitCode?: string } };
  readonly timeNano: number;
}
