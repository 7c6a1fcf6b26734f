// A Docker registry (v2, HTTP, basic auth) as small as engines put up with; blobs and manifests are files in a folder.
//   node registry-server.mjs PORT FOLDER USER:PASSWORD
// One more port above it accepts connections and never says a word.
import { createHash, randomBytes } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createServer as createSilentServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";

const [port, folder, credentials] = process.argv.slice(2);
const expected = `Basic ${Buffer.from(credentials).toString("base64")}`;
mkdirSync(folder, { recursive: true });

const fileOf = (name) => join(folder, name.replaceAll(/[/:]/g, "_"));
const digestOf = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const routes = [
  [/^\/v2\/$/, { GET: (_, response) => response.end("{}") }],
  [/^\/v2\/(.+)\/blobs\/uploads\/$/, { POST: beginUpload }],
  [/^\/v2\/(.+)\/blobs\/uploads\/(\w+)$/, { PATCH: upload, PUT: finishUpload }],
  [/^\/v2\/(.+)\/blobs\/(sha256:\w+)$/, { GET: blob, HEAD: blob }],
  [/^\/v2\/(.+)\/manifests\/(.+)$/, { GET: manifest, HEAD: manifest, PUT: putManifest }],
];

async function answer(request, response) {
  const url = new URL(request.url, "http://registry");
  response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
  if (request.headers.authorization !== expected) {
    response.setHeader("WWW-Authenticate", 'Basic realm="test registry"');
    return refuse(response, 401, "UNAUTHORIZED", "the test registry does not know you");
  }
  for (const [path, methods] of routes) {
    const match = path.exec(url.pathname);
    const handle = match && methods[request.method];
    if (handle) return handle(request, response, match[1], match[2], url.searchParams);
  }
  refuse(response, 404, "UNSUPPORTED", `${request.method} ${url.pathname}`);
}

function beginUpload(_, response, name) {
  accepted(response, name, randomBytes(8).toString("hex"), 0);
}

async function upload(request, response, name, id) {
  await pipeline(request, createWriteStream(fileOf(id), { flags: "a" }));
  accepted(response, name, id, statSync(fileOf(id)).size);
}

async function finishUpload(request, response, name, id, query) {
  await pipeline(request, createWriteStream(fileOf(id), { flags: "a" }));
  renameSync(fileOf(id), fileOf(query.get("digest")));
  response.writeHead(201, { Location: `/v2/${name}/blobs/${query.get("digest")}` }).end();
}

function accepted(response, name, id, size) {
  const headers = {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, size - 1)}`,
    "Docker-Upload-UUID": id,
  };
  response.writeHead(202, headers).end();
}

async function blob(request, response, _, digest) {
  if (!existsSync(fileOf(digest))) return refuse(response, 404, "BLOB_UNKNOWN", "blob unknown to the test registry");
  const headers = { "Content-Length": statSync(fileOf(digest)).size, "Docker-Content-Digest": digest };
  response.writeHead(200, { ...headers, "Content-Type": "application/octet-stream" });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(fileOf(digest)), response);
}

function manifest(request, response, name, reference) {
  const file = fileOf(reference.startsWith("sha256:") ? reference : `${name}@${reference}`);
  if (!existsSync(file)) return refuse(response, 404, "MANIFEST_UNKNOWN", "the test registry has no such manifest");
  const bytes = readFileSync(file);
  const headers = { "Content-Length": bytes.length, "Docker-Content-Digest": digestOf(bytes) };
  response.writeHead(200, { ...headers, "Content-Type": JSON.parse(bytes).mediaType });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

async function putManifest(request, response, name, reference) {
  const bytes = Buffer.concat(await request.toArray());
  for (const file of [fileOf(`${name}@${reference}`), fileOf(digestOf(bytes))]) writeFileSync(file, bytes);
  response.writeHead(201, { "Docker-Content-Digest": digestOf(bytes) }).end();
}

function refuse(response, status, code, message) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

createSilentServer(() => {}).listen(Number(port) + 1, "127.0.0.1");
createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
}).listen(Number(port), "127.0.0.1");
