/**
 * Tests for whoever builds on channels: the contract of a channel layer as a suite.
 *
 * @module
 */
export type { ConformanceBackend, ConformanceItem, ConformanceNetwork } from "./backend.ts";
export { testChannelLayer } from "./conformance.ts";
