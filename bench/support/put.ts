// One gRPC Put a write, in etcd's own words, so that one and the same load generator drives etcd and a Raft member of ours:
// the service for our side, a client for both. Messages are written by hand: key = 1 and value = 2, both bytes.

import {
  type ChannelCredentials,
  Client,
  Metadata,
  type MethodDefinition,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";

/** etcdserverpb.KV/Put: requests and answers stay bytes. */
export const putMethod: MethodDefinition<Buffer, Buffer> = {
  path: "/etcdserverpb.KV/Put",
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value,
  requestDeserialize: (value) => value,
  responseSerialize: (value) => value,
  responseDeserialize: (value) => value,
};

/** Our side: each request is one entry of the log, bytes as they came. */
export function putImplementation(propose: (data: Uint8Array) => Promise<void>) {
  const empty = Buffer.alloc(0);
  return {
    put: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      propose(call.request).then(
        () => answer(null, empty),
        (error: Error) => answer({ message: error.message, code: 14 }),
      );
    },
  };
}

/** A put whose whole request is `bytes` long. */
export function putRequest(key: string, bytes: number): Buffer {
  const name = Buffer.from(key);
  const valueBytes = bytes - 2 - name.length - 3;
  const head = Buffer.concat([Buffer.from([0x0a, name.length]), name, Buffer.from([0x12])]);
  const length = Buffer.from([(valueBytes & 0x7f) | 0x80, valueBytes >> 7]);
  return Buffer.concat([head, length, Buffer.alloc(valueBytes, 7)]);
}

/** Several channels: one connection of HTTP/2 is not to be what is measured. */
export class PutClients {
  readonly #clients: readonly Client[];

  constructor(addr: string, credentials: ChannelCredentials, connections: number) {
    this.#clients = Array.from(
      { length: connections },
      () => new Client(addr, credentials, { "grpc.use_local_subchannel_pool": 1, "grpc.enable_channelz": 0 }),
    );
  }

  put(worker: number, request: Buffer): Promise<void> {
    const client = this.#clients[worker % this.#clients.length];
    return new Promise((resolve, reject) => {
      client?.makeUnaryRequest(putMethod.path, same, same, request, new Metadata(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

const same = (value: Buffer): Buffer => value;
