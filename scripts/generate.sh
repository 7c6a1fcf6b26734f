#!/usr/bin/env bash
# Regenerates src/gen from proto/. With --check nothing is touched: it fails when what is committed differs from what
# proto/ says, or when proto/ breaks the wire format recorded in buf.image.binpb. With --accept the recorded format is
# replaced by today's (only when the break is meant and no cluster holds data of the old one).
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

main() {
  buf lint
  case "${1:-}" in
    --check) check ;;
    --accept) buf build -o buf.image.binpb ;;
    *) generate . ;;
  esac
}

# Writes src/gen below the folder $1.
generate() {
  buf generate -o "$1"
  # ts-proto imports grpc-js's types as values; verbatimModuleSyntax wants them marked.
  find "$1/src/gen" -name '*_service.ts' -exec sed -i -E \
    -e 's/^  (handleBidiStreamingCall|handleServerStreamingCall|handleClientStreamingCall|handleUnaryCall|UntypedServiceImplementation|CallOptions|ClientOptions|ClientUnaryCall|ClientDuplexStream|ClientReadableStream|ClientWritableStream|ChannelCredentials|ServiceError|Metadata),/  type \1,/' \
    -e 's/^import \{ (.*) \} from "\.\/(.*)\.js";/import { \1 } from ".\/\2.js";/' {} +
}

check() {
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  generate "$fresh"
  diff -rq src/gen "$fresh/src/gen" >&2 || fail "src/gen differs from proto/: run 'npm run generate' and commit the result"
  buf breaking --against buf.image.binpb || fail "proto/ breaks the recorded format: see scripts/generate.sh --accept"
  echo "generated: $(find src/gen -name '*.ts' | wc -l) files as proto/ says, wire format unbroken"
}

fail() {
  echo "$1" >&2
  exit 1
}

main "$@"
