import { LabIcon } from '@jupyterlab/ui-components';

/**
 * A list with a tick.
 */
export const exercisesIcon = new LabIcon({
  name: 'nbcoach:exercises',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 5h10v2H3zM3 11h8v2H3zM3 17h6v2H3z"/>
    <path d="m15.4 19.6-4-4 1.4-1.4 2.6 2.6 6.2-6.2 1.4 1.4z"/>
  </g>
</svg>`
});
