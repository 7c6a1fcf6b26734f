// Connecting to a manager: a channel of its own for each use, so that every one starts with the credentials in force and
// with no memory of an earlier failure.

import { isIPv4 } from "node:net";
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials as channelCredentials,
  logVerbosity,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { hostAndPort } from "./address.js";
import type { Credentials } from "./credentials.js";

/** A message of a manager: an assignment message is 64 kB, a forwarded answer larger. */
const messageBytesMax = 4 * 1024 * 1024;
const keepaliveMs = 10_000;
const keepaliveTimeoutMs = 10_000;
const connectBackoffMs = 200;

/** Every manager's certificate names this (swarm-semantics §8.2). */
export const managerName = "swarm-manager";

const options: ChannelOptions = {
  "grpc.ssl_target_name_override": managerName,
  "grpc.default_authority": managerName,
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.keepalive_time_ms": keepaliveMs,
  "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
  "grpc.initial_reconnect_backoff_ms": connectBackoffMs,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // Nodes talk to each other directly, whatever proxy the environment names for images.
  "grpc.enable_http_proxy": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_channelz": 0,
};

type ClientClass<Client> = new (target: string, credentials: ChannelCredentials, options: ChannelOptions) => Client;

/** How to trust the other end, and who to be: a member, a joiner that knows the root, or one that knows nothing yet. */
export type Trust = { readonly as: Credentials } | { readonly root: string } | "unverified";

/** A client of one service at `addr` (host or host:port), with `special` options over the common ones. Nothing is sent yet. */
export function clientTo<Client>(
  Client: ClientClass<Client>,
  addr: string,
  trust: Trust,
  special: ChannelOptions = {},
): Client {
  setLogVerbosity(logVerbosity.NONE);
  const { host, port } = hostAndPort(addr);
  const target = targetOf(host, port);
  return new Client(target, credentialsFor(trust), { ...options, ...special });
}

/** An address needs no resolver, which costs as much as the rest of a channel. */
function targetOf(host: string, port: number): string {
  if (host.includes(":")) return `ipv6:[${host}]:${port}`;
  return `${isIPv4(host) ? "ipv4" : "dns"}:${host}:${port}`;
}

function credentialsFor(trust: Trust): ChannelCredentials {
  if (trust === "unverified") {
    return channelCredentials.createSsl(null, null, null, {
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
  }
  if ("root" in trust) return channelCredentials.createSsl(Buffer.from(trust.root));
  const known = ofMembers.get(trust.as);
  if (known) return known;
  const { root, key, certificate } = trust.as;
  const made = channelCredentials.createSsl(Buffer.from(root), Buffer.from(key), Buffer.from(certificate));
  ofMembers.set(trust.as, made);
  return made;
}

/** To read certificate and key costs a millisecond: too much for each try to reach a manager that is not there. */
const ofMembers = new WeakMap<Credentials, ChannelCredentials>();
