import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { dialError, NodeRemoved, NotTheLeader, remoteAddress } from "../../src/rpc/index.js";

const addr = "10.0.0.1:2377";
const lastError = (text: string) => `No connection established. Last error: ${text}. Resolution note: `;

describe("why a call failed", () => {
  const rows: readonly { title: string; code: status; details: string; kind: string; says: string }[] = [
    {
      title: "nobody listens",
      code: status.UNAVAILABLE,
      details: lastError("Error: connect ECONNREFUSED 10.0.0.1:2377"),
      kind: "Unavailable",
      says: "cannot reach 10.0.0.1:2377: connection refused; is it a manager's address, and does Skep run?",
    },
    {
      title: "no way to the host",
      code: status.UNAVAILABLE,
      details: lastError("Error: connect EHOSTUNREACH 10.0.0.1:2377"),
      kind: "Unavailable",
      says: "cannot reach 10.0.0.1:2377: no route to the host",
    },
    {
      title: "a name nobody knows",
      code: status.UNAVAILABLE,
      details: "Name resolution failed for target dns:nowhere:2377",
      kind: "Unavailable",
      says: "cannot reach 10.0.0.1:2377: no such host",
    },
    {
      title: "silence",
      code: status.DEADLINE_EXCEEDED,
      details: "Deadline exceeded after 5.001s,LB pick: 0.002s",
      kind: "Unavailable",
      says: "10.0.0.1:2377 did not answer in time; is port 2377/tcp open to this machine?",
    },
    {
      title: "an expired manager",
      code: status.UNAVAILABLE,
      details: lastError("Error: certificate has expired"),
      kind: "Unavailable",
      says: "the certificate of the manager at 10.0.0.1:2377 has expired",
    },
    {
      title: "clocks apart",
      code: status.UNAVAILABLE,
      details: lastError("Error: certificate is not yet valid"),
      kind: "Unavailable",
      says: "the certificate of the manager at 10.0.0.1:2377 is not valid yet: compare the clocks of both machines",
    },
    {
      title: "another swarm",
      code: status.UNAVAILABLE,
      details: lastError("Error: unable to verify the first certificate"),
      kind: "Unavailable",
      says: "10.0.0.1:2377 belongs to another swarm: its certificate is not of this swarm's certificate authority",
    },
    {
      title: "a worker's port, or none of ours",
      code: status.UNAVAILABLE,
      details: lastError("Error: Hostname/IP does not match certificate's altnames: Host: swarm-manager."),
      kind: "Unavailable",
      says: "10.0.0.1:2377 is not a manager of this swarm: its certificate does not say so",
    },
    {
      title: "a port that speaks no TLS",
      code: status.UNAVAILABLE,
      details: lastError("Error: write EPROTO 0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number"),
      kind: "Unavailable",
      says: "10.0.0.1:2377 is not the port of a swarm manager: it does not speak gRPC over TLS",
    },
    {
      title: "a connection cut off",
      code: status.UNAVAILABLE,
      details: "Connection dropped",
      kind: "Unavailable",
      says: "10.0.0.1:2377 closed the connection",
    },
    {
      title: "what the manager itself says is kept",
      code: status.INVALID_ARGUMENT,
      details: "A valid join token is necessary to join this cluster",
      kind: "InvalidArgument",
      says: "A valid join token is necessary to join this cluster",
    },
    {
      title: "also when it is unavailable",
      code: status.UNAVAILABLE,
      details: "the manager is stopping",
      kind: "Unavailable",
      says: "the manager is stopping",
    },
  ];

  test.each(rows)("$title", ({ code, details, kind, says }) => {
    expect(dialError(failed(code, details), addr)).toMatchObject({ kind, message: says });
  });

  test("a manager that does not lead names the leader", () => {
    const error = dialError(failed(status.UNAVAILABLE, "…", { "skep-leader": "10.0.0.2:2377" }), addr);
    expect(error).toBeInstanceOf(NotTheLeader);
    expect(error).toMatchObject({ leaderAddr: "10.0.0.2:2377" });
  });

  test("a removal has a type of its own", () => {
    expect(dialError(failed(status.PERMISSION_DENIED, "gone", { "skep-removed": "true" }), addr)).toBeInstanceOf(
      NodeRemoved,
    );
  });
});

describe("an address", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1:2377"],
    ["10.0.0.1:4000", "10.0.0.1:4000"],
    ["manager.example.org:2377", "manager.example.org:2377"],
    ["::1", "[::1]:2377"],
    ["[fe80::1]:99", "[fe80::1]:99"],
  ])("%s is %s", (text, full) => {
    expect(remoteAddress(text)).toBe(full);
  });

  test.each([
    "",
    ":2377",
    "unix:///run/x.sock",
    "http://10.0.0.1",
    "10.0.0.1:99999",
    "10.0.0.1:abc",
    "[10.0.0.1]:1",
    "a b",
  ])("%j is none", (text) => {
    expect(() => remoteAddress(text)).toThrow(`invalid address ${JSON.stringify(text)}: want host or host:port`);
  });
});

function failed(code: status, details: string, trailers: Readonly<Record<string, string>> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
}
