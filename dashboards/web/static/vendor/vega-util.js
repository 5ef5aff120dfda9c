// Written by scripts/vendor_assets.py: what vega-interpreter imports, as the vega script already brought it.
export const { ascending, isString, DisallowedObjectProperties } = globalThis.vega;
