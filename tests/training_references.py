"""Training once more, as anybody would write it without Lightning."""

import numpy as np
import torch
from small_models import N_EPOCHS, N_FACTORS, N_ITEMS, N_USERS

from skrec.engine import DotProduct
from skrec.engine.training._schedules import constant


def new_network(seed, *, mean=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DotProduct(N_USERS, N_ITEMS, N_FACTORS, std=0.1, user_bias=mean is not None)
    if mean is not None:
        network.mean.fill_(mean)
    return network


def plain_adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-5, fused=True)


def plain_loop(network, batches, loss, *, seed, schedule=constant, group=1, clip=None, n_epochs=N_EPOCHS):
    """What anybody would write without Lightning; answers with the mean loss of each epoch."""
    optimizer, n_steps, train_losses = plain_adam(network.parameters()), 0, []
    for epoch in range(n_epochs):
        epoch_seed = np.random.SeedSequence([seed, epoch + 1]).generate_state(1)[0]
        minibatches = list(batches.epoch(torch.Generator().manual_seed(int(epoch_seed))))
        seen = []
        for start in range(0, len(minibatches), group):
            members = minibatches[start : start + group]
            optimizer.zero_grad()
            for batch in members:
                losses = loss(network(batch.query, batch.items), batch.dense_target, batch.mask, batch.log_q)
                seen += losses.tolist()
                (losses.mean() / len(members)).backward()
            rate = schedule(n_steps)
            for parameters in optimizer.param_groups:
                parameters["lr"] = 0.01 * rate.factor
                if rate.momentum is not None:
                    parameters["betas"] = (rate.momentum, 0.99)
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            n_steps += 1
        train_losses.append(np.mean(seen))
    return train_losses
