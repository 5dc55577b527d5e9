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

/** Follow a model that changes often: at most once a frame, and not at all while hidden. */
export function useModelByFrame(model: IModel, shown: boolean): void {
  const subscribe = useCallback(
    (listener: () => void) => {
      let frame = 0;
      const soon = (): void => {
        frame ||= requestAnimationFrame(() => {
          frame = 0;
          listener();
        });
      };
      if (!shown) {
        return () => undefined;
      }
      model.stateChanged.connect(soon);
      return () => {
        cancelAnimationFrame(frame);
        model.stateChanged.disconnect(soon);
      };
    },
    [model, shown]
  );
  useSyncExternalStore(subscribe, () => model.version);
}
