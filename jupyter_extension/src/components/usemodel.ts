/**
 * How a component follows a model: it renders again when the model says so, and only then.
 */
import { useCallback, useSyncExternalStore } from 'react';
import type { IModel } from '../tokens';

export function useModel(model: IModel): void {
  const subscribe = useCallback(
    (listener: () => void) => {
      model.stateChanged.connect(listener);
      return () => void model.stateChanged.disconnect(listener);
    },
    [model]
  );
  useSyncExternalStore(subscribe, () => model.version);
}
