"""A saved recommender as a model of MLflow: logged with its signature, loaded as pyfunc, asked by a table of users.

MLflow runs this file when it loads the model, so nothing is pickled. Needs `pip install 'skrec[mlflow]'`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel

import skrec
from skrec.datasets import make_interactions


class Recommender(PythonModel):
    """Recommends to the users in the column `user`. Unknown users get the most popular items."""

    def load_context(self, context):
        self.model = skrec.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        k = (params or {}).get("k", 10)
        return self.model.recommend(model_input["user"], k=k, unknown="popular").to_frame()


mlflow.models.set_model(Recommender())


def log_recommender(model, name):
    """Log a fitted recommender in the active run, or in a new one, and return what MLflow knows about it."""
    users = pd.DataFrame({"user": model.recommend(k=1).users[:2]})
    answer = model.recommend(users["user"], k=1).to_frame()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.skrec"
        model.save(file, include_events=False)
        return mlflow.pyfunc.log_model(
            name=name,
            python_model=__file__,
            artifacts={"model": str(file)},
            signature=infer_signature(users, answer, params={"k": 10}),
            pip_requirements=[f"skrec=={skrec.__version__}"],
        )


def main():
    events = make_interactions(300, 100, random_state=0).interactions
    model = skrec.MFRecommender(positive_from=4, random_state=0).fit(events)
    with TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("films", artifact_location=f"file://{folder}/artifacts")
        mlflow.set_experiment("films")
        logged = log_recommender(model, "recommender")
        print(logged.signature)
        loaded = mlflow.pyfunc.load_model(logged.model_uri)
        print(loaded.predict(pd.DataFrame({"user": [*events.user_ids[:2], 99_999]}), params={"k": 3}))


if __name__ == "__main__":
    main()
