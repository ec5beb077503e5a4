struct stage {
    pthread_cond_t cond;
    int after;
};

size_t size_of_condition(void);
int wake(struct stage *stage);
int signal_condition(pthread_cond_t *cond);
