/** Training loops. */
export {
  accuracyOf,
  type ClassifierOptions,
  type LabelledBatch,
  labelsOf,
  predict,
  type TrainProgress,
  trainClassifier,
} from './classifier.js';
