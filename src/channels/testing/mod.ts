/**
 * Tests for whoever builds on channels: the contract of a channel layer as a suite.
 *
 * @module
 */
export type { SocketSessionOptions, Verdict } from "../consumers/session.ts";
export type { ConformanceBackend, ConformanceItem, ConformanceNetwork } from "./backend.ts";
export { ConsumerTester, type ConsumerTesterOptions } from "./consumer_tester.ts";
export { testChannelLayer } from "./conformance.ts";
