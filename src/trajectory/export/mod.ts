/**
 * Sessions as rows for trainers: export, import, verification. `docs/export.md` is the guide.
 *
 * @module
 */
export { rowDigest } from "./digest.ts";
export { groupRecords, importJsonLines, importNative, jsonLines } from "./jsonl.ts";
export type {
  ChainLink,
  DropCause,
  ExportCounts,
  ExportOptions,
  NativeExport,
  NativeRecord,
  NativeRow,
  Reward,
} from "./native.ts";
export { readSafetensors, safetensorsChunks, type SafetensorsExport } from "./safetensors.ts";
export { exportRecords, exportSession, recordsOf } from "./session.ts";
export {
  EXPORT_SHAPES,
  type ExportShape,
  type RecordOfShape,
  type SlimeRecord,
  toShape,
  type TrlRecord,
  type VerlRecord,
} from "./shapes.ts";
export {
  describeFinding,
  type Finding,
  FINDINGS_MAX,
  verifyExport,
  type VerifyReport,
  verifySafetensors,
} from "./verify.ts";
