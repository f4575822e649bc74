import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';

const PLUGIN = '@nbcoach/labextension:plugin';

/**
 * What the learner chose on the settings page.
 */
export interface IPreferences {
  /** Show the panel when a page opens. */
  readonly showPanel: boolean;
  /** Show the first steps until an exercise is passed. */
  readonly firstSteps: boolean;
  /** Check an answer cell each time that it was run. */
  readonly checkOnRun: boolean;
  /** Show notes on style. */
  readonly styleNotes: boolean;
  /** Show time and memory beside those of the reference. */
  readonly cost: boolean;
}

const DEFAULTS: IPreferences = {
  showPanel: true,
  firstSteps: true,
  checkOnRun: false,
  styleNotes: true,
  cost: true
};

/**
 * The learner's settings; the defaults where there is no registry, or no schema of ours on the server.
 */
export class Preferences {
  /**
   * Read the settings, and follow them from then on.
   */
  async load(registry: ISettingRegistry | null): Promise<void> {
    try {
      const settings = await registry?.load(PLUGIN);
      if (settings) {
        this._settings = settings;
        settings.changed.connect(this._read, this);
        this._read();
      }
    } catch {
      // the defaults stay
    }
  }

  /** Emitted when a setting has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The settings. */
  get value(): IPreferences {
    return this._value;
  }

  /**
   * Change a setting, here and on the server.
   */
  set<K extends keyof IPreferences>(name: K, value: IPreferences[K]): void {
    this._take({ ...this._value, [name]: value });
    void this._settings?.set(name, value).catch(() => undefined);
  }

  private _read(): void {
    const value: Record<keyof IPreferences, boolean> = { ...DEFAULTS };
    for (const name of Object.keys(DEFAULTS) as (keyof IPreferences)[]) {
      const given = this._settings?.composite[name];
      if (typeof given === 'boolean') {
        value[name] = given;
      }
    }
    this._take(value);
  }

  private _take(value: IPreferences): void {
    this._value = value;
    this._changed.emit();
  }

  private _value = DEFAULTS;
  private _settings: ISettingRegistry.ISettings | null = null;
  private readonly _changed = new Signal<this, void>(this);
}
