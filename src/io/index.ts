/** Files: weights as safetensors, and files that are written wholly or not at all. */
export { writeAtomically, writeFileAtomically } from './atomic.js';
export { loadSafetensors, loadSafetensorsMetadata, saveSafetensors, type TensorRecord } from './safetensors.js';
