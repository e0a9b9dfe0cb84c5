/**
 * Static assets of user scripts, decided by Cloudflare's own code: the asset worker and the router worker
 * that Cloudflare ships with wrangler (in its miniflare) are copied in unchanged. We give them a manifest
 * and the bytes; trailing slashes, redirects, headers, etags and fallbacks are theirs.
 */
import { AssetWorkerInner } from "./asset-worker.js";
import { RouterInnerEntrypoint } from "./router-worker.js";

const context = () => ({ props: {}, waitUntil() {}, passThroughOnException() {} });

class Assets extends AssetWorkerInner {
  constructor(version, disk) {
    super(context(), { CONFIG: version.assets.config });
    this.version = version;
    this.disk = disk;
  }

  async unstable_exists(path) {
    const { paths } = this.version.manifest;
    return Object.hasOwn(paths, path) ? paths[path] : null;
  }

  async unstable_getByETag(hash) {
    const response = await this.disk.fetch(`http://disk/namespaces/${this.version.namespace}/assets/${hash}`);
    if (!response.ok) throw new Error(`asset ${hash}: HTTP ${response.status}`);
    return { readableStream: response.body, contentType: this.version.manifest.types[hash], cacheStatus: "HIT" };
  }
}

export const assetsOf = (version, disk) => new Assets(version, disk);

/** Decides between a script's assets and its code. */
export const routerOf = (version, assets, worker) =>
  new RouterInnerEntrypoint(context(), { CONFIG: version.assets.router, ASSET_WORKER: assets, USER_WORKER: worker });
