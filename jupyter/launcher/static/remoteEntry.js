// A tile in the launcher and a command in the palette that open the review desk in a tab of its own.
// Written by hand in the form that JupyterLab loads prebuilt extensions in (a module federation
// container), so that nothing has to be built.
(() => {
  const ID = "cleanroom-desk:open";
  let shared;

  // The module that JupyterLab itself uses: of the versions that are shared, any it has loaded.
  const ask = async (name) => {
    const versions = Object.values(shared[name] || {});
    const loaded = versions.find((one) => one.loaded) || versions[0];
    return loaded ? (await loaded.get())() : {};
  };

  const activate = (app, launcher, palette) => {
    const settings = app.serviceManager.serverSettings;
    app.commands.addCommand(ID, {
      label: "Review desk",
      caption: "What waits to be released, and what was (opens in a new tab)",
      describedBy: { args: { type: "object", properties: {} } },
      execute: () => {
        window.open(new URL("cleanroom/desk", settings.baseUrl), "_blank", "noopener");
      },
    });
    if (launcher) {
      launcher.add({ command: ID, category: "Clean room", rank: 1 });
    }
    if (palette) {
      palette.addItem({ command: ID, category: "Clean room" });
    }
  };

  const plugin = async () => {
    const { ILauncher } = await ask("@jupyterlab/launcher");
    const { ICommandPalette } = await ask("@jupyterlab/apputils");
    const optional = [ILauncher, ICommandPalette];
    return { id: "cleanroom-desk:plugin", autoStart: true, optional, activate };
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["cleanroom-desk"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
