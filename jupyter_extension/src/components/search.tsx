/**
 * The field that looks for rows of a list in the sidebar.
 */
import { searchIcon } from '@jupyterlab/ui-components';
import React from 'react';

export interface ISearch {
  name: string;
  /** What is looked for. */
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function Search({ name, label, value, onChange }: ISearch): JSX.Element {
  return (
    <div className="jp-nbflow-Search">
      <searchIcon.react tag="span" className="jp-nbflow-Search-icon" />
      <input
        type="search"
        name={name}
        placeholder={label}
        aria-label={label}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </div>
  );
}
