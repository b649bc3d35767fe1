# SPDX-License-Identifier: Apache-2.0
"""Writes the two photographs of the color-transfer recipe as Swift sources, 96 x 64 pixels each.

python3 Tools/recipes/pictures.py   (needs scikit-image 0.25 for the files, and pillow)

Both are free of any rights: coffee.png by Rachel Michetti, CC0; rocket.jpg by SpaceX, released into the
public domain. scikit-image's skimage/data says so of both.
"""

import base64
import pathlib
import sys

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 96, 64
PICTURES = {
    "coffee": ("coffee.png", "A cup of espresso on a wooden table: Rachel Michetti, CC0."),
    "launch": ("rocket.jpg", "A rocket on its pad at dusk: SpaceX, in the public domain."),
}


def write(folder):
    for name, (file, words) in PICTURES.items():
        picture = Image.open(folder / file).convert("RGB").resize((WIDTH, HEIGHT), Image.LANCZOS)
        text = base64.b64encode(picture.tobytes()).decode()
        lines = "\n".join("      " + text[i:i + 88] + "\\" for i in range(0, len(text), 88))
        target = ROOT / "Sources/Recipes/Pictures" / f"Picture+{name.capitalize()}.swift"
        target.write_text(f"""// SPDX-License-Identifier: Apache-2.0
// Written by Tools/recipes/pictures.py.

extension Picture {{
  /// {words}
  static let {name} = Picture(
    width: {WIDTH}, height: {HEIGHT},
    base64: \"\"\"
{lines[:-1]}
      \"\"\")
}}
""")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(pathlib.Path(sys.argv[1]))
    else:
        import skimage

        write(pathlib.Path(skimage.__file__).parent / "data")
