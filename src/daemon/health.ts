// /metrics, /healthz and /readyz on an address of their own: they answer also when the API does not.

import { createServer, type Server } from "node:http";
import type { MetricsRegistry } from "../base/host/index.js";
import { messageOf, SwarmError } from "../base/index.js";

/** A check that passed, or the reason why not. */
export type Check = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface HealthModules {
  readonly metrics: MetricsRegistry;
  /** Loop and disk. */
  readonly healthy: () => Check;
  /** In quorum, or the worker's session is up. */
  readonly ready: () => Check;
}

/** Serves until closed. Fails when the address cannot be bound. */
export async function serveHealth(
  address: { readonly host: string; readonly port: number },
  modules: HealthModules,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (check: Check): void => {
      response.writeHead(check.ok ? 200 : 503, { "content-type": "text/plain; charset=utf-8" });
      response.end(check.ok ? "ok\n" : `${check.reason}\n`);
    };
    switch (request.url) {
      case "/healthz":
        return answer(modules.healthy());
      case "/readyz":
        return answer(modules.ready());
      case "/metrics":
        return void modules.metrics.render().then(
          (text) => {
            response.writeHead(200, { "content-type": modules.metrics.contentType });
            response.end(text);
          },
          (error: unknown) => answer({ ok: false, reason: messageOf(error) }),
        );
      default:
        response.writeHead(404).end("try /metrics, /healthz or /readyz\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new SwarmError("FailedPrecondition", `--metrics-addr ${address.host}:${address.port}: ${error.message}`)),
    );
    server.listen(address.port, address.host, resolve);
  });
  return server;
}
