// Writes over gRPC. One Put a write, in etcd's own words, so that one and the same load generator drives etcd and a Raft
// member of ours; and the same puts on long-lived streams, as Skep speaks: what gathers in a turn is one gRPC message.
// Messages are written by hand: key = 1 and value = 2, both bytes.

import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";

const bytesBothWays = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** etcdserverpb.KV/Put: requests and answers stay bytes. */
const putMethod: MethodDefinition<Buffer, Buffer> = {
  ...{ path: "/etcdserverpb.KV/Put", requestStream: false, responseStream: false },
  ...bytesBothWays,
};
/** Each message: u32 length and put, again and again. Each answer: how many puts are done, u32; they finish in order. */
const streamMethod: MethodDefinition<Buffer, Buffer> = {
  ...{ path: "/skep.bench.Puts/Stream", requestStream: true, responseStream: true },
  ...bytesBothWays,
};

export const putService = { put: putMethod, stream: streamMethod };

/** Our side: each put is one entry of the log, bytes as they came. */
export function putImplementation(propose: (data: Uint8Array) => Promise<void>) {
  const empty = Buffer.alloc(0);
  return {
    put: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      propose(call.request).then(
        () => answer(null, empty),
        (error: Error) => answer({ message: error.message, code: 14 }),
      );
    },
    stream: (call: ServerDuplexStream<Buffer, Buffer>) => {
      const done = new Tally((count) => call.write(numberOf(count)));
      call.on("data", (puts: Buffer) => {
        for (let at = 0; at < puts.length; ) {
          const end = at + 4 + puts.readUInt32LE(at);
          propose(puts.subarray(at + 4, end)).then(
            () => done.add(),
            (error: Error) => call.destroy(error),
          );
          at = end;
        }
      });
      call.on("end", () => call.end());
    },
  };
}

/** Counts, and tells the count of each turn. */
class Tally {
  readonly #tell: (count: number) => void;
  #count = 0;

  constructor(tell: (count: number) => void) {
    this.#tell = tell;
  }

  add(): void {
    this.#count += 1;
    if (this.#count > 1) return;
    setImmediate(() => {
      this.#tell(this.#count);
      this.#count = 0;
    });
  }
}

function numberOf(count: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(count);
  return bytes;
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
  readonly #streams: readonly PutStream[];

  constructor(addr: string, credentials: ChannelCredentials, options: PutClientsOptions) {
    this.#clients = Array.from(
      { length: options.connections },
      () => new Client(addr, credentials, { "grpc.use_local_subchannel_pool": 1, "grpc.enable_channelz": 0 }),
    );
    this.#streams = options.onStreams ? this.#clients.map((client) => new PutStream(client)) : [];
  }

  put(worker: number, request: Buffer): Promise<void> {
    const at = worker % this.#clients.length;
    const stream = this.#streams[at];
    if (stream !== undefined) return stream.put(request);
    const client = this.#clients[at];
    return new Promise((resolve, reject) => {
      client?.makeUnaryRequest(putMethod.path, same, same, request, new Metadata(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
    for (const client of this.#clients) client.close();
  }
}

interface PutClientsOptions {
  readonly connections: number;
  readonly onStreams: boolean;
}

class PutStream {
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  #gathered: Buffer[] = [];

  constructor(client: Client) {
    this.#stream = client.makeBidiStreamRequest(streamMethod.path, same, same, new Metadata());
    this.#stream.on("data", (answer: Buffer) => {
      for (const { resolve } of this.#open.splice(0, answer.readUInt32LE(0))) resolve();
    });
    this.#stream.on("error", (error) => {
      for (const { reject } of this.#open.splice(0)) reject(error);
    });
  }

  put(request: Buffer): Promise<void> {
    this.#gathered.push(numberOf(request.length), request);
    if (this.#gathered.length === 2) setImmediate(() => this.#stream.write(Buffer.concat(this.#gathered.splice(0))));
    return new Promise((resolve, reject) => {
      this.#open.push({ resolve, reject });
    });
  }

  close(): void {
    this.#stream.end();
  }
}

function same(value: Buffer): Buffer {
  return value;
}
