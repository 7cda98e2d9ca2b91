"""Inputs that people reported, and the right answer to each."""

import numpy as np

from skrec import AutoRecRecommender, MFRecommender

# ---- Answers that depend on the machine or on one's neighbours ----


def test_a_user_who_has_everything_is_the_same_alone_and_in_company():
    everything = np.ones((20, 3))
    model = AutoRecRecommender(side="item", batch_size=8, random_state=0).fit(everything)
    together = model.predict(everything)
    alone = np.vstack([model.predict(everything[[row]]) for row in range(20)])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-7)
    # the prior is what trained users are like, and nothing else is known: all answers are one
    np.testing.assert_allclose(together, together[[0]].repeat(20, 0), rtol=1e-5, atol=1e-7)


def test_fold_in_ends_where_the_gradient_vanishes():
    rng = np.random.default_rng(0)
    likes = (rng.random((40, 30)) < 0.3).astype(np.float32)
    model = MFRecommender(n_factors=8, max_epochs=20, random_state=0).fit(likes)
    vectors = model.transform(likes).astype(float)
    mean, root = model.prior_.mean.double().numpy(), model.prior_.root.double().numpy()
    scores = vectors @ model.item_embeddings_.T.astype(float) + model.item_biases_
    chances = np.exp(scores - scores.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    slopes = (likes.sum(1, keepdims=True) * chances - likes) @ model.item_embeddings_
    whitened = np.linalg.solve(root, (vectors - mean).T).T
    assert np.abs(slopes @ root + whitened).max() < 1e-3 * np.abs(whitened).max()
