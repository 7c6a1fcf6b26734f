/** What a Raft member needs of the machine beside its disk: a cipher and the loop's turns. */
export { type AesSealer, aesSealer } from "./aes_sealer.js";
export { atOnce, nextTurn } from "./turn.js";
