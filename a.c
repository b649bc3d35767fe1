#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define W __attribute__((target("avx2"),noinline))
#define BLOCK1 1024
W void old(const unsigned char*x,size_t n,const uint32_t*key,uint64_t*out){
 const size_t half=BLOCK1/8; const uint32_t*key2=key+129;
 for(size_t s=0;s<n;s+=BLOCK1){const unsigned char*b=x+s;
  for(size_t sh=0;sh<2;sh++){uint64_t sum=0;for(size_t i=0;i<half;i++){uint32_t a,c;memcpy(&a,b+4*i,4);memcpy(&c,b+4*(half+i),4);a+=key[i+sh];c+=key2[i+sh];sum+=(uint64_t)a*c;}*out++=sum;}}}
typedef uint32_t w8 __attribute__((vector_size(32)));
typedef uint64_t d4 __attribute__((vector_size(32)));
#ifndef BLOCK2
#define BLOCK2 4096
#endif
W void new_(const unsigned char*x,size_t n,const uint32_t*key,uint64_t*out){
 for(size_t s=0;s<n;s+=BLOCK2){const unsigned char*b=x+s;
  d4 s1={0},s2={0};
  for(size_t i=0;i<BLOCK2/4;i+=8){w8 v,k1,k2;memcpy(&v,b+4*i,32);memcpy(&k1,key+i,32);memcpy(&k2,key+i+2,32);
   d4 a=(d4)(v+k1),c=(d4)(v+k2);
   s1+=(a&0xffffffff)*(a>>32); s2+=(c&0xffffffff)*(c>>32);}
  *out++=s1[0]+s1[1]+s1[2]+s1[3];*out++=s2[0]+s2[1]+s2[2]+s2[3];}}
static double now(){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec+1e-9*t.tv_nsec;}
int main(){size_t n=1<<17;unsigned char*x=malloc(n);for(size_t i=0;i<n;i++)x[i]=rand();uint32_t key[2000];for(int i=0;i<2000;i++)key[i]=rand();
 uint64_t*o=malloc(n);
 for(int r=0;r<3;r++){double t=now();for(int k=0;k<512;k++)old(x,n,key,o);double u=now();for(int k=0;k<512;k++)new_(x,n,key,o);double v=now();
 printf("old %.2f ms new %.2f ms per 64 MiB\n",(u-t)*1e3,(v-u)*1e3);}}
