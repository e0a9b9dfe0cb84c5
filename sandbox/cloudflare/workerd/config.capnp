# Template of the process's configuration; workerd_config.py fills in what begins with a dollar sign.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  # Bounds the young generation, which a few hot scripts grow to gigabytes, and each isolate's heap: a script
  # over it ends the process, soon rather than after it has taken the machine's memory.
  v8Flags = ["--max-semi-space-size=4", "--max-old-space-size=256"],
  extensions = [(modules = [
    (name = "branchline:namespace", esModule = embed "namespace.js", internal = true),
  ])],
  services = [
    (name = "dispatch", worker = (
      modules = [
        (name = "main.js", esModule = embed "main.js"),
        (name = "runtime.js", esModule = embed "runtime.js"),
        (name = "assets.js", esModule = embed "assets.js"),
        (name = "asset-worker.js", esModule = embed "asset-worker.js"),
        (name = "router-worker.js", esModule = embed "router-worker.js"),
        (name = "dispatch.js", esModule = embed "dispatch.js"),
      ],
      compatibilityDate = "2026-11-01",
      bindings = [$namespaces
        (name = "APPS_DOMAIN", text = $apps_domain),
        (name = "CONTROL_PLANE_URL", text = $control_plane_url),
        (name = "INTERNAL_TOKEN", text = $token),
        (name = "LOADER", workerLoader = (id = "scripts")),
        (name = "DISK", service = "disk"),
        (name = "API", service = "api"),
        (name = "INTERNET", service = "internet"),
      ],
      # The dispatch worker itself speaks to the control plane and to nobody else; scripts are loaded with INTERNET.
      globalOutbound = $outbound,
    )),
    (name = "control-plane", external = (address = $control_plane, http = ())),
    (name = "disk", disk = (path = $state)),
    (name = "api", external = (address = $api, http = (
      injectRequestHeaders = [(name = "authorization", value = $bearer)]))),
    # What loaded scripts are given: they reach the public internet and nothing on this machine or its network,
    # least of all the API beside them.
    (name = "internet", network = (allow = ["public"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [
    (name = "visitors", address = $dispatch, http = (), service = "dispatch"),
    (name = "control", address = $control, http = (),
      service = (name = "dispatch", entrypoint = "Control")),
  ],
);
