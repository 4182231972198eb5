//! Stores that speak the protocol of S3.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig, aws::AmazonS3Builder, client::SpawnedReqwestConnector,
    prefix::PrefixStore,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{Builder, Runtime};

use crate::{Entry, FileStore, Key, Objects, Opened, Staged, StoreError};

/// Where an S3 store is and how to get in.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Name of the bucket, which is there.
    pub bucket: String,
    /// What all keys begin with; may be empty.
    pub prefix: String,
    /// Region, such as `eu-central-1`.
    pub region: String,
    /// Address of a server other than Amazon's, such as `https://minio.example.com`.
    pub endpoint: Option<String>,
    /// Key id and secret; without, those of the machine are used, as Amazon's own have.
    pub credentials: Option<(String, SecretString)>,
    /// How long one request may take. With its repetitions it may take twice as long.
    pub patience: Duration,
}

/// Files in a bucket. Its connections live on a thread of their own, so that it can be used from every other.
#[derive(Debug)]
pub struct S3 {
    objects: Objects,
    connections: Option<Runtime>,
}

impl S3 {
    /// The store of these settings. Nothing is connected yet.
    pub fn new(settings: &S3Settings) -> Result<Self, StoreError> {
        let wrong = |error: object_store::Error| StoreError::Unavailable(error.to_string());
        let connections =
            Builder::new_multi_thread().worker_threads(1).thread_name("s3").enable_all().build()?;
        let client = ClientOptions::new()
            .with_connect_timeout(settings.patience.min(Duration::from_secs(5)))
            .with_timeout(settings.patience);
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 3,
            retry_timeout: settings.patience,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_client_options(client)
            .with_retry(retry)
            .with_http_connector(SpawnedReqwestConnector::new(connections.handle().clone()));
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        if let Some((id, secret)) = &settings.credentials {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
        }
        let bucket = builder.build().map_err(wrong)?;
        let store = PrefixStore::new(bucket, settings.prefix.as_str());
        Ok(Self { objects: Objects::new(Arc::new(store)), connections: Some(connections) })
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // Waiting for it is not allowed where requests are answered, and nothing is left to wait for.
        if let Some(connections) = self.connections.take() {
            connections.shutdown_background();
        }
    }
}

#[async_trait]
impl FileStore for S3 {
    async fn keep(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        self.objects.keep(key, staged).await
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        self.objects.open(key, range).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.objects.size(key).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.objects.remove(key).await
    }

    fn list(&self) -> BoxStream<'static, Result<Entry, StoreError>> {
        self.objects.list()
    }
}
