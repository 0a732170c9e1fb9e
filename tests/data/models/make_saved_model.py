"""Write ``saved_model/`` with TensorFlow itself: ``python make_saved_model.py`` with tensorflow."""

from pathlib import Path

import tensorflow as tf


class Scale(tf.Module):
    def __init__(self) -> None:
        self.factor = tf.Variable([2.0, 3.0])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="rows")])
    def __call__(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scaled": rows * self.factor}


module = Scale()
tf.saved_model.save(
    module,
    str(Path(__file__).with_name("saved_model")),
    signatures=module.__call__,
    options=tf.saved_model.SaveOptions(save_debug_info=False),
)
