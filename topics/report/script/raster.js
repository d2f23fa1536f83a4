// --- a hundred thousand points in one image: faster than as many shapes, and the same with and without a GPU
/** How much of each pixel a disc of some radius covers, as offsets and shares from 0 to 256. */
function stampOf(radius) {
  const reach = Math.ceil(radius + 0.5);
  const stamp = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(x, y)));
      if (share > 0.02) stamp.push(x, y, share);
    }
  }
  return stamp;
}

class Raster {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.context = this.canvas.getContext('2d', { alpha: false });
    this.width = this.height = 0;
  }

  clear(width, height, paper) {
    if (width !== this.width || height !== this.height) {
      [this.width, this.height] = [width, height];
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
  }

  /** Discs of one radius: `at(i)` gives the place of a point, or false; `shade(i)` its colour. */
  discs(order, xs, ys, shades, radius, opacity) {
    const { pixels, width, height } = this;
    const stamp = stampOf(radius);
    const parts = stamp.length / 3;
    const reach = Math.ceil(radius + 0.5);
    const shift = new Int32Array(parts);
    const share = new Int32Array(parts);
    for (let p = 0; p < parts; p++) {
      shift[p] = stamp[3 * p + 1] * width + stamp[3 * p];
      share[p] = Math.round(stamp[3 * p + 2] * opacity * 256);
    }
    for (const i of order) {
      const x = Math.round(xs[i]);
      const y = Math.round(ys[i]);
      if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
      const [red, green, blue] = shades[i];
      const middle = y * width + x;
      for (let p = 0; p < parts; p++) {
        const at = middle + shift[p];
        const under = pixels[at];
        const a = share[p];
        const r = under & 255;
        const g = (under >> 8) & 255;
        const b = (under >> 16) & 255;
        pixels[at] =
          (255 << 24) |
          ((b + (((blue - b) * a) >> 8)) << 16) |
          ((g + (((green - g) * a) >> 8)) << 8) |
          (r + (((red - r) * a) >> 8));
      }
    }
  }

  /** Draw it somewhere: as an image, since pixels that are put are not printed. */
  showOn(context) {
    this.context.putImageData(this.image, 0, 0);
    context.drawImage(this.canvas, 0, 0);
  }
}
